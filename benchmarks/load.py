"""A class presses Train in the same second: ``python -m benchmarks.load [visitors] [rounds]``.

It starts a hosted server of its own. 1 is returned when anything was lost, refused without a sentence, or too slow.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.visitor import Visitor
from tests.browser.conftest import HOSTED, running_server

DONE = "Validation accuracy"
REFUSED = ("The queue is full", "You have")
N_WATCHERS = 5


async def one_round(url: str, n_visitors: int, first_seed: int, seconds: float) -> tuple[Counter[str], list[float]]:
    """Everybody opens a page, presses Train within a second, and waits; others turn pages meanwhile.

    Returns
    -------
    Counter of outcomes (done, refused, lost, exception), and the seconds of the others' reruns.
    """
    queries = [f"epochs=1&batch_size=512&seed={(first_seed + n) % 10_000}" for n in range(n_visitors)]
    over = asyncio.Event()

    async def train(query: str, place: int) -> str:
        async with Visitor(url, "network", query) as visitor:
            ready.release()
            await start.wait()
            await asyncio.sleep(place / n_visitors)
            await visitor.rerun(press="Train")
            found = await visitor.wait_for(DONE, *REFUSED, seconds=seconds)
            if visitor.exceptions:
                print(visitor.exceptions[0])
                return "exception"
            return "lost" if found is None else "done" if found == DONE else "refused"

    async def watch(page: str) -> list[float]:
        async with Visitor(url, page) as visitor:
            await start.wait()
            visitor.rerun_seconds.clear()
            while not over.is_set():
                await visitor.rerun()
                await asyncio.sleep(0.5)
            return visitor.rerun_seconds

    start, ready = asyncio.Event(), asyncio.Semaphore(0)
    trainings = [asyncio.create_task(train(query, n)) for n, query in enumerate(queries)]
    watchers = [asyncio.create_task(watch(("network", "baseline", "")[n % 3])) for n in range(N_WATCHERS)]
    for _ in range(n_visitors):
        await ready.acquire()
    start.set()
    outcomes = Counter(await asyncio.gather(*trainings))
    over.set()
    reruns = [one for each in await asyncio.gather(*watchers) for one in each]
    return outcomes, reruns


def run(url: str, n_visitors: int = 30, rounds: int = 20) -> int:
    """All rounds, a line each, and the sum."""
    total: Counter[str] = Counter()
    reruns: list[float] = []
    for n in range(rounds):
        begun = time.perf_counter()
        outcomes, seconds = asyncio.run(one_round(url, n_visitors, 100 + n * n_visitors, seconds=600))
        total += outcomes
        reruns += seconds
        print(f"round {n + 1}: {dict(outcomes)} in {time.perf_counter() - begun:.0f} s", flush=True)
    p50, p95 = np.percentile(reruns, [50, 95])
    print(f"{rounds} rounds of {n_visitors}: {dict(total)}; reruns of others p50 {p50:.3f} s, p95 {p95:.3f} s")
    return int(total["done"] + total["refused"] != rounds * n_visitors or p95 > 0.5)


def main() -> int:
    """Start a server whose store is empty, so that every training is one, and run all rounds."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **HOSTED) as server:
        return run(server.url, *map(int, sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
