"""The page's address: what of its state a link carries, in both directions.

A page asks `news` first. It gives the address only when the visitor brought it (a link, back, forward), so
that the page can set its controls by it, and None when it is merely what the page wrote itself. The page
writes what it shows with `write`.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

_WRITTEN = "address.written"
_PAGE = "address.page"


def news(page: str) -> Mapping[str, str] | None:
    """The address's fields if the visitor brought them, None if there is nothing new.

    Parameters
    ----------
    page : str
        The page that asks. Coming from another page with a bare address is no news: a page keeps its state.

    Notes
    -----
    A key that is given twice counts with all its values, joined by a space: no field accepts that, so that
    the visitor is told.
    """
    query = _query()
    written = st.session_state.get(_WRITTEN, {})
    came_from = st.session_state.get(_PAGE, page)
    st.session_state[_PAGE] = page
    if came_from != page and query == written.get(came_from):
        query = {}  # still the last page's
    if page not in written:
        return query
    if came_from != page and not query:
        return None
    return None if query == written[page] else query


def take(page: str) -> None:
    """Note that the page has set its controls by the address, so that it is no news any more.

    The visitor's next click can end a run before it writes its address. The run after that would take the same
    address for news again, and undo the click.
    """
    _note(page, _query())


def write(page: str, query: Mapping[str, str]) -> None:
    """Show `query` in the address."""
    query = dict(query)
    _note(page, query)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _query() -> dict[str, str]:
    return {name: " ".join(st.query_params.get_all(name)) for name in st.query_params}


def _note(page: str, query: dict[str, str]) -> None:
    st.session_state[_WRITTEN] = {**st.session_state.get(_WRITTEN, {}), page: query}
