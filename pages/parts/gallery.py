"""Many pictures at once, each of which can be opened by mouse, touch and keyboard."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

_HERE = Path(__file__).parent
_COLUMNS = 20
_component = st.components.v2.component(
    "gallery",
    html='<style class="sheet"></style><ul class="gallery"></ul>\n',
    css=(_HERE / "gallery.css").read_text(encoding="utf-8"),
    js=(_HERE / "gallery.js").read_text(encoding="utf-8"),
)


def show(
    images: np.ndarray,
    captions: Sequence[str],
    key: str,
    *,
    label: str = "Pictures",
    descriptions: Sequence[str] | None = None,
    chosen: int | None = None,
    size: int = 56,
) -> int | None:
    """Draw the pictures and tell which one was clicked.

    Parameters
    ----------
    images : ndarray of shape (n, 28, 28), uint8
        At most 200 are sensible.
    captions : sequence of str
        One below each picture; may be empty.
    key : str
        Of the widget.
    label : str
        What the list is called for screen readers.
    descriptions : sequence of str, optional
        What screen readers say and a tooltip shows; the captions where not given.
    chosen : int, optional
        The position that is marked.
    size : int
        Side of a picture in CSS pixels.

    Returns
    -------
    The position that was clicked in this very run, or None.
    """
    if len(images) == 0:
        return None
    result = _component(
        data={
            "sprite": _sprite(images),
            "columns": _COLUMNS,
            "rows": -(-len(images) // _COLUMNS),
            "captions": list(captions),
            "descriptions": list(descriptions or captions),
            "label": label,
            "size": size,
            "chosen": -1 if chosen is None else chosen,
        },
        key=key,
        on_clicked_change=lambda: None,  # Streamlit gives a result attribute only where a callback stands
    )
    position = result.clicked
    # A modified client may send anything.
    return position if isinstance(position, int) and 0 <= position < len(images) else None


def _sprite(images: np.ndarray) -> str:
    """All pictures on one sheet: a PNG whose opacity is the pixel value, so that the theme gives the ink."""
    rows = -(-len(images) // _COLUMNS)
    sheet = np.zeros((rows * _COLUMNS, 28, 28), dtype=np.uint8)
    sheet[: len(images)] = images
    opacity = sheet.reshape(rows, _COLUMNS, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, _COLUMNS * 28)
    picture = Image.merge("LA", (Image.new("L", opacity.shape[::-1]), Image.fromarray(opacity)))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
