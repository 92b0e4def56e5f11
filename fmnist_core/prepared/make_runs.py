"""Train the prepared runs: ``python -m fmnist_core.prepared.make_runs``."""

from __future__ import annotations

from pathlib import Path

from fmnist_core.dataset import load_dataset
from fmnist_core.network import warm_up
from fmnist_core.run_store import RunStore
from fmnist_core.runs import compute_run
from fmnist_core.settings import PRESETS, BaselineSettings, Settings

FOLDER = Path(__file__).parent
NETWORKS = ("The lesson", "One hidden layer (100)", "Small CNN", "Strong CNN")


def wanted() -> list[Settings]:
    """The lesson's baseline, and the networks that a visitor should find."""
    return [BaselineSettings(), *(PRESETS[name] for name in NETWORKS)]


def main() -> None:
    """Train each, put it beside this file, and take away what is no longer wanted."""
    warm_up()
    store = RunStore(FOLDER)
    runs = [compute_run(load_dataset(), settings) for settings in wanted()]
    for path in FOLDER.glob("*.zip"):
        path.unlink()
    for run in runs:
        store.publish(run)
        size = (FOLDER / f"{run.run_id}.zip").stat().st_size / 2**20
        print(f"{run.run_id}  {run.record.headline['accuracy']:.4f}  {run.record.seconds:6.1f} s  {size:4.1f} MB")


if __name__ == "__main__":
    main()
