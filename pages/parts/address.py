"""The page's address: what of its state a link carries, in both directions.

A page asks `news` first. It gives the address only when the visitor brought it (a link, back, forward), so
that the page can set its controls by it, and None when it is merely what the page wrote itself. The page
writes what it shows with `write`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from fmnist_core.dataset import CLASS_NAMES

_WRITTEN = "address.written"
_PAGE = "address.page"
_PROBLEMS = "address.problems"


@dataclass(frozen=True)
class Field:
    """One field of an address.

    Parameters
    ----------
    default : object
        Not written into the address.
    accepted : str
        What a bad link is told.
    parse : callable
        From text; raises `ValueError`, with a whole sentence if `accepted` would not do.
    write : callable
        To text that `parse` reads back.
    """

    default: Any
    accepted: str
    parse: Callable[[str], Any]
    write: Callable[[Any], str] = str


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        # int() alone would also take signs, underscores and other scripts' digits
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def one_of(options: Iterable[str]) -> Callable[[str], str]:
    """A parser that takes these and nothing else."""
    accepted = frozenset(options)

    def parse(text: str) -> str:
        if text not in accepted:
            raise ValueError
        return text

    return parse


def class_number(text: str) -> str:
    """A parser of the number of a class: gives its name."""
    return CLASS_NAMES[whole(0, len(CLASS_NAMES) - 1)(text)]


def words(options: Iterable[object]) -> str:
    """The options as a sentence lists them."""
    listed = [str(option) for option in options]
    return " or ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else listed[0]


def read(query: Mapping[str, str], fields: Mapping[str, Field]) -> tuple[dict[str, Any], list[str]]:
    """What an address asks for: a value for each field, and a sentence for each part that is wrong.

    A field that is wrong or not given has its default.
    """
    values = {name: field.default for name, field in fields.items()}
    problems = []
    for name, text in query.items():
        if name not in fields:
            problems.append(f"There is no {name[:40]!r} on this page. It knows {words(fields)}.")
            continue
        try:
            values[name] = fields[name].parse(text)
        except ValueError as error:
            problems.append(str(error) or f"{name} must be {fields[name].accepted}; got {text[:40]!r}.")
    return values, problems


def texts(values: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, str]:
    """The values as an address carries them, without those that are the default."""
    written = {name: fields[name].write(value) for name, value in values.items() if value is not None}
    return {name: text for name, text in written.items() if text != fields[name].write(fields[name].default)}


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


def take(page: str, problems: Iterable[str] = ()) -> None:
    """Note that the page has set its controls by the address, so that it is no news any more.

    Parameters
    ----------
    page : str
    problems : iterable of str
        What is wrong with it; see `problems`.

    Notes
    -----
    The visitor's next click can end a run before it writes its address. The run after that would take the same
    address for news again, and undo the click.
    """
    _note(page, _query())
    st.session_state[f"{_PROBLEMS}.{page}"] = (list(problems), None)


def problems(page: str) -> list[str]:
    """What is wrong with the link that brought the visitor here, until something else is chosen."""
    found, _ = st.session_state.get(f"{_PROBLEMS}.{page}", ([], None))
    return list(found)


def write(page: str, query: Mapping[str, str]) -> None:
    """Show `query` in the address."""
    query = dict(query)
    _note(page, query)
    found, corrected = st.session_state.get(f"{_PROBLEMS}.{page}", ([], None))
    if found:
        still = corrected is None or corrected == query
        st.session_state[f"{_PROBLEMS}.{page}"] = (found if still else [], query)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _query() -> dict[str, str]:
    return {name: " ".join(st.query_params.get_all(name)) for name in st.query_params}


def _note(page: str, query: dict[str, str]) -> None:
    st.session_state[_WRITTEN] = {**st.session_state.get(_WRITTEN, {}), page: query}
