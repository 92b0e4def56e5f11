"""All benchmarks, one after the other, and one table at the end: ``python -m benchmarks`` (`make bench`)."""

import importlib
import pkgutil
import subprocess
import sys
import time

import benchmarks


def main() -> int:
    """Run each module that has a ``main`` in a process of its own; 1 when any fell short."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    rows = []
    for name in names:
        if not hasattr(importlib.import_module(f"benchmarks.{name}"), "main"):
            continue
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        # A process each, so that one benchmark's threads and memory do not slow the next.
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode  # noqa: S603
        rows.append((name, "met" if code == 0 else "FELL SHORT", time.perf_counter() - start))
    print("\nbenchmark            targets      seconds")
    for name, outcome, seconds in rows:
        print(f"{name:<20} {outcome:<12} {seconds:7.0f}")
    return int(any(outcome != "met" for _, outcome, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
