"""Log lines that nobody can forge or flood: one line each, of bounded length."""

from __future__ import annotations

import logging
from typing import Any


def escape(text: str, most: int) -> str:
    """The text with control characters escaped, cut after `most` characters."""
    whole = len(text) <= most
    kept = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text[:most])
    return kept if whole else f"{kept}… ({len(text):,} characters)"


def bound(most: int) -> None:
    """Escape and bound the message of every log line of this process from now on; tracebacks stay as they are."""

    class BoundRecord(logging.LogRecord):
        """A record whose message is one line."""

        def getMessage(self) -> str:  # noqa: N802  (logging's name)
            return escape(super().getMessage(), most)

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return BoundRecord(*args, **kwargs)

    logging.setLogRecordFactory(make)
