"""The two convolutional presets as a visitor gets them: ``python -m benchmarks.presets``.

Their settings were chosen on validation pictures; the test pictures are only asked here, by a training that is over.
"""

import time
from dataclasses import dataclass

from benchmarks import table
from fmnist_core import FashionMNIST, evaluate, load_dataset, train_network
from fmnist_core.network import warm_up
from fmnist_core.settings import PRESETS


@dataclass(frozen=True)
class Wanted:
    """Accuracy on the test pictures at least, seconds at most."""

    accuracy: float
    seconds: float


WANTED = {"Small CNN": Wanted(0.90, 60), "Strong CNN": Wanted(0.93, 360)}


def measure(dataset: FashionMNIST, name: str) -> tuple[float, float]:
    """Accuracy on the 10,000 test pictures, and seconds, of one preset."""
    start, worked = time.perf_counter(), time.process_time()
    result = train_network(dataset, PRESETS[name])
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    report = evaluate(dataset.test.labels, result.test_probabilities)
    print(
        f"{name}: validation {result.validation_accuracy:.4f} on {len(result.validation_indices):,} pictures, "
        f"test {report.accuracy:.4f} on 10,000 (95 %: {report.interval[0]:.4f} to {report.interval[1]:.4f}), "
        f"{seconds:.0f} s for {PRESETS[name].epochs} epochs ({worked:.0f} s of processor time)",
        flush=True,
    )
    table.row(
        f"The preset *{name}*, trained without the server: accuracy on the test pictures, time",
        f"{report.accuracy:.4f}, {seconds // 60:.0f} min {seconds % 60:.0f} s",
    )
    return report.accuracy, seconds


def main() -> None:
    """Measure, print, and fail when a preset is not as good or as fast as it must be."""
    dataset = load_dataset()
    warm_up()
    found = {name: measure(dataset, name) for name in WANTED}
    for name, wanted in WANTED.items():
        accuracy, seconds = found[name]
        assert accuracy >= wanted.accuracy, f"{name}: test accuracy {accuracy:.4f}, wanted {wanted.accuracy}"
        assert seconds <= wanted.seconds, f"{name}: {seconds:.0f} s, wanted {wanted.seconds:.0f}"


if __name__ == "__main__":
    main()
