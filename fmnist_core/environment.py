"""What the host decides: every environment variable, its default alone and hosted, and what it means."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_core.errors import FMNISTError

_ROOT = Path(__file__).resolve().parent.parent


def _variable(name: str, meaning: str, alone: Any, hosted: Any = None, least: int = 1) -> Any:
    """Declare a field: its variable, its default for one's own machine, and its default for everybody's."""
    metadata = {"name": name, "meaning": meaning, "least": least, "hosted": alone if hosted is None else hosted}
    return dataclasses.field(default=alone, metadata=metadata)


@dataclass(frozen=True)
class Environment:
    """The host's decisions. Without arguments: a dashboard for oneself, that limits nothing but its queue."""

    hosted: bool = _variable("FMNIST_HOSTED", "1: strangers come here, so the limits below hold", False)
    runs: str = _variable("FMNIST_RUNS", "folder of finished runs, or the URL of a bucket", str(_ROOT / "runs"))
    prepared: str = _variable(
        "FMNIST_PREPARED",
        "folder of runs that came with the project; they are shown and never removed",
        str(_ROOT / "fmnist_core" / "prepared"),
    )
    scheduler: str = _variable("FMNIST_SCHEDULER", "address of a Dask scheduler; empty: one worker on this machine", "")
    queue: int = _variable("FMNIST_QUEUE", "training runs that may wait", 200, 100)
    running_per_visitor: int = _variable("FMNIST_RUNNING", "training runs of one visitor at a time", 1000, 1)
    asked_per_visitor: int = _variable("FMNIST_ASKED", "training runs of one visitor, under way or waiting", 1000, 6)
    seconds: int = _variable("FMNIST_SECONDS", "expected seconds of one training run at most, on two cores", 10**6, 600)
    store_mb: int = _variable("FMNIST_STORE_MB", "size of the run store in MB; the oldest runs leave", 10**6, 2000)
    hosts: str = _variable("FMNIST_HOSTS", "host names that are answered, separated by commas; *: any", "*")
    frame_ancestors: str = _variable("FMNIST_FRAMES", "sites that may embed the pages, as in a CSP", "'self'")
    log_line: int = _variable("FMNIST_LOG_LINE", "characters of a line in the log at most", 4000, 1000, least=100)

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Environment:
        """Read the variables; an empty one counts as not set.

        Raises
        ------
        FMNISTError
            For a value that is not accepted; it says which are.
        """
        hosted = _read(cls.__dataclass_fields__["hosted"], variables, False)
        values = {"hosted": hosted}
        for field in dataclasses.fields(cls)[1:]:
            values[field.name] = _read(field, variables, field.metadata["hosted"] if hosted else field.default)
        return cls(**values)


def _read(field: dataclasses.Field, variables: Mapping[str, str], default: Any) -> Any:
    name, least = field.metadata["name"], field.metadata["least"]
    text = variables.get(name, "").strip()
    if not text:
        return default
    if isinstance(field.default, bool):
        if text in {"0", "1"}:
            return text == "1"
        raise FMNISTError(f"{name} must be 0 or 1; got {text[:100]!r}.")
    if isinstance(field.default, int):
        if text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= least:
            return int(text)
        raise FMNISTError(f"{name} must be a whole number, {least} or more; got {text[:100]!r}.")
    if any(character in text for character in ";\r\n"):
        raise FMNISTError(f"{name} must hold no semicolon and no line break; got {text[:100]!r}.")
    if field.name == "scheduler" and not re.fullmatch(r"(tcp|tls)://\S+:\d{1,5}", text):
        raise FMNISTError(f"{name} must be like tcp://10.0.0.1:8786 or tls://10.0.0.1:8786; got {text[:100]!r}.")
    return text
