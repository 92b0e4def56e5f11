"""The README's table of measured figures: each benchmark notes its rows, `python -m benchmarks` puts them there."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

ROWS = "BENCHMARK_ROWS"  # environment variable: the file that rows are noted in
README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
_PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "scikit-learn", "streamlit")  # of the first two, one


def row(what: str, here: str, lesson: str = "", comparison: str = "") -> None:
    """Note a row of the table; a benchmark that runs by itself only prints its figures."""
    path = os.environ.get(ROWS)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps([what, lesson, here, comparison]) + "\n")


def read(path: Path) -> list[list[str]]:
    """All rows that were noted, in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def in_milliseconds(seconds: Sequence[float]) -> str:
    """A sample of times, such as ``"99 ms median (95th percentile 125 ms)"``."""
    median, late = 1000 * np.percentile(seconds, [50, 95])
    return f"{median:.0f} ms median (95th percentile {late:.0f} ms)"


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table, below a line that says when and with what it was measured."""
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {', '.join(_versions())}.",
        "",
        "| | the lesson's own code | here | |",
        "|---|---|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in rows),
    ]
    return "\n".join(lines)


def _versions() -> Iterator[str]:
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def write(rows: Sequence[Sequence[str]], readme: Path = README) -> None:
    """Replace what stands between the two marks of the README."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{START}\n{to_markdown(rows)}\n{END}{after}", encoding="utf-8")
