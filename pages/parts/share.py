"""Give a page away: its full address, which carries all that matters of what is on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from fmnist_core import SettingsError
from fmnist_core.runs import identify
from fmnist_core.settings import KINDS
from pages.parts import compare, engine

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "share",
    html='<div class="share"><output></output><input hidden readonly aria-label="Link to this page">'
    '<button type="button" title="Copy the address of exactly what is on this page">Share</button></div>\n',
    css=(_HERE / "share.css").read_text(encoding="utf-8"),
    js=(_HERE / "share.js").read_text(encoding="utf-8"),
)


def show(page: str) -> None:
    """Draw the button. Runs whose link is given away are among the last to leave a full store.

    Parameters
    ----------
    page : str
        The page's path, such as ``"network"``.
    """
    # Streamlit gives a result attribute only where a callback stands.
    if _component(key="share", on_shared_change=lambda: None).shared:
        for run_id in run_ids(page, st.query_params.to_dict()):
            engine.store().share(run_id)


def run_ids(page: str, query: Mapping[str, str]) -> list[str]:
    """The runs that an address shows: named outright, or the one that its settings are."""
    query = dict(query)
    if page in KINDS:
        others = [run_id for run_id in query.pop(compare.FIELD, "").split(",") if run_id]
        try:
            return [identify(KINDS[page].from_query(query), engine.data_digest()), *others]
        except SettingsError:
            return others
    return [query[name] for name in ("run", "against") if name in query]
