"""The engine's training beside the lesson's own code: ``python -m benchmarks.training``.

Both are run in turn in one process, warm, so that a busy machine slows both. The engine does more in its time: it
validates after each epoch, keeps what each epoch changed, and asks the test pictures.
"""

import statistics
import time

from benchmarks import lesson, table
from fmnist_core import FashionMNIST, NetworkSettings, load_dataset, train_network
from fmnist_core.network import warm_up

ROUNDS = 5
SEEDS = range(10)
WANTED = {"lesson, whole": 5.0, "lesson, later epoch": 8.0, "hidden layer of 100, whole": 4.0}
WANTED_DIFFERENCE = 0.002
_TITLES = {
    "lesson": "The lesson's network: 5 epochs and evaluation (ours also validates after each epoch)",
    "hidden layer of 100": "One hidden layer of 100 units, the same",
}


def one_round(dataset: FashionMNIST, hidden: int) -> tuple[float, ...]:
    """Seconds: the lesson's whole training, its epoch after the first, its processor time; then the engine's."""
    start, worked = time.perf_counter(), time.process_time()
    _, _, epochs = lesson.train(dataset, hidden)
    theirs = time.perf_counter() - start, statistics.median(epochs[1:]), time.process_time() - worked
    start, worked = time.perf_counter(), time.process_time()
    result = train_network(dataset, NetworkSettings(hidden_units=(hidden,) if hidden else ()))
    ours = time.perf_counter() - start, statistics.median(result.epoch_seconds[1:]), time.process_time() - worked
    return *theirs, *ours


def speed(dataset: FashionMNIST) -> dict[str, float]:
    """How many times as fast the engine is: the ratio of the medians."""
    ratios: dict[str, float] = {}
    for name, hidden in [("lesson", 0), ("hidden layer of 100", 100)]:
        rounds = [one_round(dataset, hidden) for _ in range(ROUNDS)]
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        theirs, their_epoch, their_work, ours, our_epoch, our_work = medians
        ratios |= {f"{name}, whole": theirs / ours, f"{name}, later epoch": their_epoch / our_epoch}
        print(
            f"{name}: whole {theirs:5.2f} s and {ours:5.2f} s, {theirs / ours:4.1f} times as fast; "
            f"an epoch after the first {their_epoch:5.3f} s and {our_epoch:5.3f} s, {their_epoch / our_epoch:4.1f}; "
            f"processor time {their_work:5.2f} s and {our_work:5.2f} s, {their_work / our_work:4.1f}",
            flush=True,
        )
        table.row(_TITLES[name], f"{ours:.1f} s", f"{theirs:.1f} s", f"{theirs / ours:.1f} times as fast")
        table.row(
            "– an epoch after the first",
            f"{our_epoch:.2f} s",
            f"{their_epoch:.2f} s",
            f"{their_epoch / our_epoch:.1f} times as fast",
        )
    return ratios


def quality(dataset: FashionMNIST) -> float:
    """How far the mean validation accuracies of ten trainings, on the same ten splits, are apart."""
    theirs = [lesson.train(dataset, split_seed=seed)[1] for seed in SEEDS]
    ours = [train_network(dataset, NetworkSettings(seed=seed)) for seed in SEEDS]
    means = statistics.mean(theirs), statistics.mean(result.validation_accuracy for result in ours)
    print(f"mean validation accuracy of ten trainings: {means[0]:.4f} and {means[1]:.4f}", flush=True)
    return abs(means[0] - means[1])


def main() -> None:
    """Measure, print, and fail when the engine is not as fast or as good as it must be."""
    dataset = load_dataset()
    warm_up()
    lesson.train(dataset, epochs=1)
    ratios = speed(dataset)
    difference = quality(dataset)
    short = [f"{name}: {ratios[name]:.1f}, wanted {wanted}" for name, wanted in WANTED.items() if ratios[name] < wanted]
    assert not short, short
    assert difference <= WANTED_DIFFERENCE, difference


if __name__ == "__main__":
    main()
