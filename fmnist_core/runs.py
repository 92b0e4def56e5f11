"""A finished run: what was asked for, what came of it, and the address by which it is found again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Generic, TypeVar, cast

from fmnist_core.baseline import BaselineResult, SpreadFolds, run_baseline
from fmnist_core.dataset import FashionMNIST
from fmnist_core.intervals import wilson_interval
from fmnist_core.network import NetworkResult, train_network
from fmnist_core.progress import OnProgress, ShouldStop
from fmnist_core.settings import BaselineSettings, NetworkSettings, Settings

# Raised whenever the same settings would give other figures: older runs then no longer answer for them.
ENGINE_VERSION = "1"


def identify(settings: Settings, data_digest: str, stopped_after: int | None = None) -> str:
    """The run's address: 16 hexadecimal digits from settings, data and engine version.

    Parameters
    ----------
    settings : BaselineSettings or NetworkSettings
    data_digest : str
        `FashionMNIST.digest`.
    stopped_after : int, optional
        Batches learned when a visitor stopped the training. A stopped run is an experiment of its own and
        never answers for the full settings.
    """
    return address_of(settings.kind, settings.to_dict(), data_digest, ENGINE_VERSION, stopped_after)


def address_of(*identity: Any) -> str:
    """What `identify` makes of the kind, the settings as a dict, the data, the engine version and where it stopped."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunRecord:
    """What a run is and how it came about, without its arrays.

    Parameters
    ----------
    headline : mapping
        The figures of a list of runs: ``accuracy`` and ``loss`` on the pictures held out (for the baseline:
        out of fold), ``n_pictures`` they were measured on, ``n_parameters``.
    created : str
        UTC, ISO 8601.
    seconds : float
        Time the computation took.
    stopped_after : int or None
        Batches learned when it was stopped, None for a full run.
    """

    run_id: str
    settings: Settings
    headline: Mapping[str, Any]
    created: str
    seconds: float
    stopped_after: int | None
    data_digest: str
    engine_version: str
    versions: Mapping[str, str]
    machine: str

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the headline's accuracy."""
        n = self.headline["n_pictures"]
        return wilson_interval(round(self.headline["accuracy"] * n), n)


S = TypeVar("S", bound=Settings)
R = TypeVar("R", bound=BaselineResult | NetworkResult)


@dataclass(frozen=True, eq=False)
class Run(Generic[S, R]):
    """A finished run: its record and its results."""

    record: RunRecord
    result: R

    @property
    def run_id(self) -> str:
        """The run's address."""
        return self.record.run_id

    @property
    def settings(self) -> S:
        """The experiment."""
        return cast(S, self.record.settings)  # a list of records is of both kinds, so a record does not tell its own

    @classmethod
    def of(cls, settings: S, data_digest: str, result: R, seconds: float) -> Run[S, R]:
        """Make the record of a result that was computed just now on this machine."""
        stopped_after = getattr(result, "stopped_after_batches", None)
        packages = ["numpy", "scikit-learn"] + (["keras"] if settings.kind == "network" else [])
        record = RunRecord(
            run_id=identify(settings, data_digest, stopped_after),
            settings=settings,
            headline=result.headline,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            stopped_after=stopped_after,
            data_digest=data_digest,
            engine_version=ENGINE_VERSION,
            versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        )
        return cls(record, result)


BaselineRun = Run[BaselineSettings, BaselineResult]
NetworkRun = Run[NetworkSettings, NetworkResult]
AnyRun = BaselineRun | NetworkRun


def compute_run(
    dataset: FashionMNIST,
    settings: Settings,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    spread_folds: SpreadFolds | None = None,
) -> AnyRun:
    """Run the experiment, now and here; see `run_baseline` and `train_network`."""
    start = time.perf_counter()
    if isinstance(settings, BaselineSettings):
        baseline = run_baseline(dataset, settings, on_progress, should_stop, spread_folds)
        return Run.of(settings, dataset.digest, baseline, time.perf_counter() - start)
    network = train_network(dataset, settings, on_progress, should_stop)
    return Run.of(settings, dataset.digest, network, time.perf_counter() - start)
