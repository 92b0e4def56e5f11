"""A sheet of paper to draw on, by mouse, pen or finger."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import streamlit as st

from fmnist_core.pictures import MOST_BYTES, PictureError

_HERE = Path(__file__).parent
_PREFIX = "data:image/png;base64,"
_component = st.components.v2.component(
    "drawing",
    html="""
<div class="sheet">
  <canvas width="280" height="280" role="img"></canvas>
  <div class="buttons"><button type="button">Undo</button><button type="button">Clear</button></div>
</div>
""",
    css=(_HERE / "drawing.css").read_text(encoding="utf-8"),
    js=(_HERE / "drawing.js").read_text(encoding="utf-8"),
)


def show(key: str, label: str, width: int) -> bytes | None:
    """Draw the sheet and return what was drawn, as a PNG file that nobody vouches for; None while it is empty.

    Parameters
    ----------
    key : str
        Of the widget.
    label : str
        What the sheet is called for screen readers.
    width : int
        Of the pen, in pixels of a sheet of 280.

    Raises
    ------
    PictureError
        When a modified client sends something else.
    """
    # Streamlit gives a result attribute only where a callback stands.
    result = _component(data={"label": label, "width": width}, key=key, on_sheet_change=lambda: None)
    return read_sheet(result.sheet)


def read_sheet(sheet: object) -> bytes | None:
    """The PNG of a ``data:`` address; see `show`."""
    if sheet is None or sheet == "":
        return None
    if not isinstance(sheet, str) or not sheet.startswith(_PREFIX) or len(sheet) > MOST_BYTES * 4 // 3 + 100:
        raise PictureError("What came from the drawing sheet is no drawing. Reload the page and draw again.")
    try:
        return base64.b64decode(sheet.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise PictureError("The drawing arrived damaged. Reload the page and draw again.") from None
