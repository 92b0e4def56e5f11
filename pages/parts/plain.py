"""A visitor's words, made harmless: on the page they become neither links, nor pictures, nor formulas."""

from __future__ import annotations

import re

_ACTIVE = re.compile(r"([\\\[\]$`]|<(?=[^\s<>]*[:@]))")
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_WORD_JOINER = "\u2060"  # cannot be seen, and no address holds one


def plain(text: str) -> str:
    """Escape what Markdown would make active; also bare addresses, that Streamlit turns into links."""
    return _LINKS.sub(_WORD_JOINER, _ACTIVE.sub(r"\\\1", text))
