"""Sessions that come and go: ``python -m benchmarks.soak [sessions]``.

It starts a hosted server of its own. 1 is returned when sessions stay behind, or the server grows by more than a tenth
after warm-up.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import urllib.request
from pathlib import Path

import psutil

from benchmarks.visitor import Visitor
from tests.browser.conftest import HOSTED, running_server

PAGES = ("", "baseline", "network", "evaluation")
AT_ONCE = 10


async def come_and_go(url: str, n: int) -> None:
    """Open `n` sessions, a few at once, and close each when its page has run."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(page: str) -> None:
        async with places, Visitor(url, page) as visitor:
            if visitor.exceptions:
                raise RuntimeError(visitor.exceptions[0])

    await asyncio.gather(*(one(PAGES[place % len(PAGES)]) for place in range(n)))


def open_sockets(url: str, process: psutil.Process) -> int:
    """Connections that the server still holds."""
    port = int(url.rsplit(":", 1)[1])
    connections = process.net_connections(kind="tcp")
    return sum(each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED for each in connections)


def healthy(url: str) -> bool:
    """Whether the server still answers."""
    with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10) as answer:  # noqa: S310  (an address of ours)
        return bool(answer.status == 200)


def run(url: str, pid: int, n: int = 2000) -> int:
    """Warm up, come and go, and compare."""
    process = psutil.Process(pid)
    asyncio.run(come_and_go(url, max(n // 4, 40)))
    before = process.memory_info().rss
    asyncio.run(come_and_go(url, n))
    after, left = process.memory_info().rss, open_sockets(url, process)
    print(f"{n} sessions: memory {before / 2**20:.0f} MB -> {after / 2**20:.0f} MB, {left} connections left")
    return int(after > 1.1 * before or left > 0 or not healthy(url))


def main() -> int:
    """Start a server and let sessions come and go."""
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **HOSTED) as server:
        return run(server.url, server.process.pid, *map(int, sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
