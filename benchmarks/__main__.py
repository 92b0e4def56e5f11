"""All that is measured beside the lesson and in the browser, one after the other: ``python -m benchmarks``.

The figures replace the README's (`make bench`), also those of a machine on which a target was missed: that is said, and
1 is returned. The long tests are `make soak`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import table

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ("training", "baseline", "startup", "explorer", "evaluation", "live", "presets")


def main() -> int:
    """Run each in a process of its own; 1 when any fell short."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        for name in MEASURED:
            print(f"== {name}", flush=True)
            start = time.perf_counter()
            # A process each, so that one benchmark's threads and memory do not slow the next.
            code = subprocess.run(  # noqa: S603  (our own modules)
                [sys.executable, "-m", f"benchmarks.{name}"],
                check=False,
                cwd=ROOT,
                env={**os.environ, table.ROWS: str(rows)},
            ).returncode
            outcomes.append((name, "met" if code == 0 else "FELL SHORT", time.perf_counter() - start))
        print("\nbenchmark            targets      seconds")
        for name, outcome, seconds in outcomes:
            print(f"{name:<20} {outcome:<12} {seconds:7.0f}")
        print(f"\n{table.to_markdown(table.read(rows))}")
        table.write(table.read(rows))
    return int(any(outcome != "met" for _, outcome, _ in outcomes))


if __name__ == "__main__":
    sys.exit(main())
