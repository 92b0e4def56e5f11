"""Workers killed in mid-training, at random moments: ``python -m benchmarks.killed_workers``.

The real server: each time a visitor trains a network, and the worker's process is killed somewhere on the way. The
training must begin again by itself or end with a sentence, the server must stay, and what was finished must stay whole.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks.visitor import Visitor
from fmnist_core import RunStore
from tests.browser.conftest import Server, running_server

TIMES = 50
_LONGEST_WAIT = 4.0  # seconds from the first report to the kill at most: about what such a training takes
_QUERY = "epochs=40&seed={}"


async def kill_one(server: Server, seed: int, wait: float) -> str:
    """Train, kill the worker `wait` seconds after the first epoch began, and look what becomes of it.

    Returns
    -------
    str
        "finished" or "refused"; the training was over before the kill: "too late".
    """
    async with Visitor(server.url, "network", _QUERY.format(seed)) as visitor:
        await visitor.rerun(press="Train")
        assert await visitor.wait_for("Epoch", seconds=60), visitor.texts
        await asyncio.sleep(wait)
        under_way = "Validation accuracy" not in visitor.texts
        children = psutil.Process(server.process.pid).children(recursive=True)
        max(children, key=lambda child: child.memory_info().rss).kill()
        finished = await visitor.wait_for("Validation accuracy", "was given up", seconds=300) == "Validation accuracy"
        assert finished or any("was given up" in text for text in visitor.texts), f"seed {seed}: {visitor.texts}"
        assert not visitor.exceptions, visitor.exceptions
    return ("finished" if finished else "refused") if under_way else "too late"


async def kill_many(server: Server, times: int, seed: int = 0) -> list[str]:
    """Kill `times` workers; the server, the earlier runs and the free slot are checked after each."""
    lots, outcomes = random.Random(seed), []  # noqa: S311  (no secret)
    for number in range(times):
        outcomes.append(await kill_one(server, 1000 * (seed + 1) + number, lots.uniform(0, _LONGEST_WAIT)))
        assert server.process.poll() is None, "the server is gone"
        store = RunStore(server.runs)
        finished = [record for record in store.records() if record.settings.to_dict()["seed"] >= 1000 * (seed + 1)]
        assert len(finished) == number + 1 - outcomes.count("refused")
        assert not store.damaged, store.damaged
        print(f"{number + 1:3d} {outcomes[-1]}", flush=True)
    return outcomes


def main() -> None:
    """Kill, print, and fail when anything but the worker was harmed."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else TIMES
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        outcomes = asyncio.run(kill_many(server, times))
    counts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("finished", "refused", "too late"))
    print(f"{times} workers killed: {counts}; the server stayed, no run was damaged, the slot was free each time")


if __name__ == "__main__":
    main()
