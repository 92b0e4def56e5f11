"""Addresses that somebody hostile could send: ``python -m benchmarks.hostile URL LOG [number]``.

Each is opened in a real session. 1 is returned when a page raised anything, or a job was started.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from benchmarks.visitor import Visitor
from fmnist_core import BaselineSettings, NetworkSettings

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
    *("run", "against", "view", "true", "predicted", "picture", "split", "sample", "index", "order", "classes", "page"),
    *("__class__", "constructor", "embed", "a[b]", "\0", ""),
)
# After the Big List of Naughty Strings (Max Woolf, MIT): what breaks numbers, paths, encodings, markup and templates.
VALUES = (
    *("", " ", "0", "-1", "1e9", "1e309", "nan", "inf", "-0", "0x10", "1_000", "٣", "９", "1,2,3,4,5,6", "5.0000001"),
    *("None", "undefined", "null", "true", "[]", "{}", "\\", "'", '"', "`", "%", "%00", "%n%s", "${7*7}", "{{7*7}}"),
    *("../../../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "file:///etc/passwd", "%2e%2e%2f", "....//", "CON"),
    *("<script>hacked=1</script>", "<img src=x onerror=hacked=1>", "javascript:hacked=1", "<svg/onload=hacked=1>"),
    *("![](https://evil.example/x.png)", "[prize](https://evil.example)", "https://evil.example", "www.evil.example"),
    *(
        ":red[x]",
        "$x^2$",
        ":material/home:",
        "\u202edesrever",
        "\ufeff",
        "\u0000",
        "Z\u0351\u036b\u0343\u036a",
        "😍" * 50,
    ),
    *("A" * 3000, "9" * 500, "0123456789abcdef", "0123456789ABCDEF", "0123456789abcdef\n", "'; DROP TABLE runs; --"),
    *("\r\nSet-Cookie: a=b", "() { :;}; touch /tmp/x", "=cmd|' /C calc'!A0", "eval(1)", "__import__('os')", "ﬀ", "ß"),
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


async def open_all(url: str, n: int) -> list[tuple[str, str, str]]:
    """Open each; return those whose page raised something, with what was raised."""
    raised = []
    for page, query in addresses(n):
        async with Visitor(url, page, query) as visitor:
            raised += [(page, query, message) for message in visitor.exceptions]
    return raised


def run(url: str, log: str, n: int = 10_000) -> int:
    """Open all, and look into the server's log and at its queue."""
    raised = asyncio.run(open_all(url, n))
    for page, query, message in raised[:10]:
        print(f"/{page}?{query[:200]}: {message}")
    tracebacks = Path(log).read_text(encoding="utf-8").count("Traceback")
    print(f"{n} addresses: {len(raised)} raised something, {tracebacks} tracebacks in the log")
    return int(bool(raised) or tracebacks > 0)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
