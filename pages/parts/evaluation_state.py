"""What the evaluation shows, as its address carries it: each field's default and what it accepts, declared once."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import address, engine, run_names
from pages.parts.address import Field, class_number, whole, words

PAGE = "evaluation"
VIEWS = {
    "confusions": "What is mistaken for what",
    "mistakes": "Mistakes",
    "trust": "Trust",
    "duel": "Duel",
    "own": "Your own picture",
}
ANY = "any class"
NOBODY = ""
_AGAINST_IS_CHOSEN = "evaluation.against_is_chosen"


def _run(text: str) -> str:
    """The run to look at; for a missing one, `run_picker.choose` takes the first."""
    records = engine.store().records()
    if text not in {record.run_id for record in records}:
        instead = f" Shown instead: {run_names.describe(records[0])}." if records else ""
        raise ValueError(engine.store().why_missing(text) + instead)
    return text


def _against(text: str) -> str:
    if text not in {record.run_id for record in engine.store().records()}:
        raise ValueError(f"{engine.store().why_missing(text)} Choose another under Compare with.")
    return text


def _number(name: str) -> str:
    return str(CLASS_NAMES.index(name)) if name in CLASS_NAMES else ""


FIELDS: Mapping[str, Field] = {
    "run": Field(None, "the id of a run", _run),
    "against": Field(NOBODY, "the id of a run", _against),
    "view": Field("confusions", words(VIEWS), address.one_of(VIEWS)),
    "true": Field(ANY, "the number of a class, 0 to 9", class_number, _number),
    "predicted": Field(ANY, "the number of a class, 0 to 9", class_number, _number),
    "picture": Field(None, "the number of a training picture, 0 to 59,999", whole(0, 59_999)),
}
_OF_VIEWS_WITH_PICTURES = ("true", "predicted", "picture")


def key(name: str) -> str:
    """The name of a field's control, and of its place in the session."""
    return f"{PAGE}.{name}"


def get(name: str) -> object:
    """The field as it stands."""
    return st.session_state.get(key(name), FIELDS[name].default)


def arrive() -> None:
    """Set the page by the address if the visitor brought one."""
    query = address.news(PAGE)
    if query is None:
        return
    values, problems = address.read(query, FIELDS)
    st.session_state[_AGAINST_IS_CHOSEN] = "run" in query  # a link to a run says what it is compared with, or nothing
    for name, value in values.items():
        st.session_state[key(name)] = value
    address.take(PAGE, problems)


def choose_against() -> None:
    """Note that the visitor has chosen what is compared with; for the control's callback."""
    st.session_state[_AGAINST_IS_CHOSEN] = True


def against_is_chosen() -> bool:
    """Whether the visitor, or the link, has chosen what is compared with; else the page may."""
    return bool(st.session_state.get(_AGAINST_IS_CHOSEN, False))


def write(run_id: str, against: str | None, of_training: bool) -> None:
    """Write what the page shows into its address.

    Parameters
    ----------
    run_id : str
    against : str or None
        The run that it is compared with.
    of_training : bool
        Whether the pictures shown are training pictures; the number of another would mean a wrong one in a link.
    """
    values = {name: get(name) for name in FIELDS} | {"run": run_id, "against": against or NOBODY}
    if values["view"] not in ("confusions", "mistakes"):
        values = {name: value for name, value in values.items() if name not in _OF_VIEWS_WITH_PICTURES}
    elif not of_training:
        del values["picture"]
    address.write(PAGE, address.texts(values, FIELDS))
