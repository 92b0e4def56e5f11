"""Addresses that somebody hostile could send: ``python -m benchmarks.hostile [number]``.

A hosted server is sent so many addresses with fields and values of all kinds, and as many run ids that are none. Each
is opened in a session of its own. A page must raise nothing, and nothing may be started by a link.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import quote, quote_plus

from benchmarks.visitor import Visitor
from fmnist_core import BaselineSettings, NetworkSettings
from tests.browser.conftest import HOSTED, running_server

NUMBER = 10_000
AT_ONCE = 4
IDLE = "nothing running"  # the last line of every page, while no job waits or runs
PAGES = (
    "",
    "start",
    "explorer",
    "baseline",
    "network",
    "evaluation",
    "nonsense",
    "../evaluation",
    "evaluation/../network",
)
FIELDS = (
    *BaselineSettings.names(),
    *NetworkSettings.names(),
    *("run", "against", "compare", "view", "true", "predicted", "picture", "on"),
    *("split", "sample", "index", "order", "classes", "page", "per_page", "layout", "map_size", "first", "second"),
    *("__class__", "constructor", "embed", "a[b]", "\0", ""),
)
BIG_LIST = Path(__file__).parents[1] / "tests" / "third_party" / "big_list_of_naughty_strings" / "blns.json"
OURS = Path(__file__).with_name(
    "naughty_strings.json"
)  # what the Big List lacks, and pages of this kind could stumble over
VALUES = tuple(
    dict.fromkeys(
        chain(
            json.loads(BIG_LIST.read_text(encoding="utf-8")),
            *json.loads(OURS.read_text(encoding="utf-8")).values(),
        )
    )
)


def addresses(n: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Pages and queries, by lot, always the same ones: raw, quoted, doubly quoted, repeated, cut in the middle."""
    lot = random.Random(seed)  # noqa: S311  (no secret)
    for _ in range(n):
        parts = []
        for _ in range(lot.choice((1, 1, 1, 2, 5, 40))):
            name, value = lot.choice(FIELDS), lot.choice(VALUES)
            write = lot.choice((quote_plus, quote, lambda text: quote(quote(text)), lambda text: quote(text)[:-1]))
            parts.append(f"{quote_plus(name)}={write(value)}")
        yield lot.choice(PAGES), lot.choice(("&", "&", ";", "&&")).join(parts)


def run_ids(n: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Pages and queries that name a run, by lot, always the same ones: none is the address of a run."""
    lot = random.Random(seed)  # noqa: S311  (no secret)

    def other_digit(text: str, digits: str) -> str:
        place = lot.randrange(len(text))
        return text[:place] + lot.choice(digits) + text[place + 1 :]

    spoil = (
        lambda text: text,  # of the right form, and of no run
        lambda text: "../" * lot.randint(1, 12) + lot.choice((text, "etc/passwd", "runs/" + text, text + ".zip")),
        lambda text: lot.choice(("..\\", "%2e%2e%2f", "..%252f", "..%c0%af", "....//", "/", "//", "file:///")) + text,
        lambda text: other_digit(text, "\0\n\r\t /\\.:*?%~'\"<>|&=#+,;"),
        lambda text: other_digit(text, "٠١٢٣۴५०９８０𝟎𝟗²①ⅣａｆＡ"),
        lambda text: other_digit(text, "ABCDEFghijklmnopqrstuvwxyzßﬀıſ"),
        lambda text: text + lot.choice(("\0", "\0.zip", "\n", ".zip", ".shared", "/", "%00", "\u202e", "\ufeff")),
        lambda text: text[: lot.randrange(16)],
        lambda text: text * lot.randint(2, 300),
        lambda text: text.upper() + "g",
        lambda text: ",".join([text] * lot.randint(2, 9)),
        lambda text: lot.choice(VALUES) + text,
    )
    write = (quote, quote_plus, lambda text: quote(text, safe=""), lambda text: quote(quote(text)))
    fields = (("evaluation", "run"), ("evaluation", "against"), ("network", "compare"))
    for place in range(n):
        page, field = fields[place % len(fields)]
        run_id = lot.choice(spoil)(f"{lot.getrandbits(64):016x}")
        yield page, f"{field}={lot.choice(write)(run_id)}"


async def open_all(url: str, asked: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Open each, a few at once; return those whose page raised something or that started something."""
    found: list[tuple[str, str, str]] = []
    left = iter(asked)

    async def open_some() -> None:
        for page, query in left:
            async with Visitor(url, page, query) as visitor:
                found.extend((page, query, message) for message in visitor.exceptions)
                if not any(IDLE in text for text in visitor.texts):
                    found.append((page, query, f"its last line does not say {IDLE!r}"))

    await asyncio.gather(*(open_some() for _ in range(AT_ONCE)))
    return found


def main() -> int:
    """Open all, and look into the server's log, its queue and its store; 1 when any did harm."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **HOSTED) as server:
        found = asyncio.run(open_all(server.url, chain(addresses(n), run_ids(n))))
        kept = list(server.runs.iterdir())
        tracebacks = server.log.read_text(encoding="utf-8").count("Traceback")
    for page, query, message in found[:10]:
        print(f"/{page}?{query[:200]}: {message}")
    print(f"{n} addresses and {n} run ids: {len(found)} did harm, {tracebacks} tracebacks, {len(kept)} files kept")
    return int(bool(found) or tracebacks > 0 or bool(kept))


if __name__ == "__main__":
    sys.exit(main())
