"""A visitor's words, made harmless: on the page they become no links, pictures, formulas, icons or bold letters."""

from __future__ import annotations

import re

_ACTIVE = re.compile(r"([\\\[\]$`*~]|(?<![^\W_])_|_(?![^\W_])|<(?=[^\s<>]*[:@]))")  # an _ within a word is none
_JOINED = re.compile(r"(?<=:)(?=//|[\w+-])|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_WORD_JOINER = "\u2060"  # cannot be seen; no address holds one, and no name of an icon


def plain(text: str) -> str:
    """Escape what Markdown would make active; also bare addresses and names like :home:, Streamlit's own finds."""
    return _JOINED.sub(_WORD_JOINER, _ACTIVE.sub(r"\\\1", text))
