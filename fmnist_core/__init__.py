"""The engine of the Fashion-MNIST dashboard. It knows no view and can be used from a notebook as it is.

Names are imported when they are first used: ``import fmnist_core`` loads neither TensorFlow nor Dask.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmnist_core.baseline import BaselineResult, run_baseline
    from fmnist_core.dataset import CLASS_NAMES, FashionMNIST, load_dataset
    from fmnist_core.errors import (
        DatasetError,
        FMNISTError,
        JobRefused,
        RunDamaged,
        RunNotFound,
        SettingsError,
        StoreUnreachable,
    )
    from fmnist_core.evaluation import Report, evaluate
    from fmnist_core.job import Job, JobState
    from fmnist_core.jobs import JobQueue
    from fmnist_core.network import NetworkResult, train_network
    from fmnist_core.run_store import RunStore
    from fmnist_core.runs import Run, RunRecord
    from fmnist_core.settings import BaselineSettings, NetworkSettings

_HOME = {
    "baseline": ("BaselineResult", "run_baseline"),
    "dataset": ("CLASS_NAMES", "FashionMNIST", "load_dataset"),
    "errors": (
        "DatasetError",
        "FMNISTError",
        "JobRefused",
        "RunDamaged",
        "RunNotFound",
        "SettingsError",
        "StoreUnreachable",
    ),
    "evaluation": ("Report", "evaluate"),
    "job": ("Job", "JobState"),
    "jobs": ("JobQueue",),
    "network": ("NetworkResult", "train_network"),
    "run_store": ("RunStore",),
    "runs": ("Run", "RunRecord"),
    "settings": ("BaselineSettings", "NetworkSettings"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CLASS_NAMES",
    "BaselineResult",
    "BaselineSettings",
    "DatasetError",
    "FMNISTError",
    "FashionMNIST",
    "Job",
    "JobQueue",
    "JobRefused",
    "JobState",
    "NetworkResult",
    "NetworkSettings",
    "Report",
    "Run",
    "RunDamaged",
    "RunNotFound",
    "RunRecord",
    "RunStore",
    "SettingsError",
    "StoreUnreachable",
    "evaluate",
    "load_dataset",
    "run_baseline",
    "train_network",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
