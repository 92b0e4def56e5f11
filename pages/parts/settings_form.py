"""The controls of an experiment: made from the engine's own ranges, set by the address, written back to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from fmnist_core import BaselineSettings, NetworkSettings, SettingsError
from fmnist_core.domains import Choice, Range, Several, Switch
from fmnist_core.settings import Settings
from pages.parts import address
from pages.parts.plain import plain

S = TypeVar("S", BaselineSettings, NetworkSettings)


def arrive(kind: type[Settings], beside: Collection[str] = ()) -> dict[str, str] | None:
    """Set the controls by the address if the visitor brought one; say what is wrong with it if anything is.

    A link alone never starts anything: it only moves the controls.

    Parameters
    ----------
    kind : type
        `BaselineSettings` or `NetworkSettings`.
    beside : collection of str
        Fields of the address that are the page's own and no settings.

    Returns
    -------
    dict or None
        Those fields, as far as the address has them; None when the visitor brought no address.
    """
    query = address.news(kind.kind)
    if query is None:
        return None
    own = {name: text for name, text in query.items() if name in beside}
    problems = []
    try:
        place(kind.from_query({name: text for name, text in query.items() if name not in beside}))
    except SettingsError as error:
        place(kind())
        problems = [f"{error} The lesson's settings are shown instead."]
    address.take(kind.kind, problems)
    return own


def place(settings: Settings) -> None:
    """Move all controls to `settings`."""
    for name in settings.names():
        value, domain = getattr(settings, name), settings.domain(name)
        key = _key(type(settings), name)
        if isinstance(domain, Several):
            st.session_state[f"{key}.count"] = len(value)
            for place_, item in enumerate(value):
                st.session_state[f"{key}.{place_}"] = item
        else:
            st.session_state[key] = value


def current(kind: type[S]) -> S:
    """What the controls say, before they are drawn; `arrive` has given each a value."""
    values: dict[str, Any] = {}
    for name in kind.names():
        key = _key(kind, name)
        if isinstance(kind.domain(name), Several):
            values[name] = tuple(_item(key, place_) for place_ in range(st.session_state[f"{key}.count"]))
        else:
            values[name] = st.session_state[key]
    return kind(**values)


def show(kind: type[S], groups: Mapping[str, Sequence[str]], beside: Mapping[str, str] | None = None) -> S:
    """Draw the controls and return what they say.

    Parameters
    ----------
    kind : type
        `BaselineSettings` or `NetworkSettings`.
    groups : mapping of str to sequence of str
        Titles and the fields below them. The group with the empty title is always open, the others fold.
    beside : mapping of str to str, optional
        The page's own fields of the address.
    """
    for problem in address.problems(kind.kind):
        st.warning(plain(problem), icon=":material/link_off:")
    values: dict[str, Any] = {}
    for title, names in groups.items():
        with st.expander(title) if title else st.container():
            for name in names:
                values[name] = _control(kind, name)
    settings = kind(**values)
    address.write(kind.kind, {**settings.to_query(), **(beside or {})})
    return settings


def _key(kind: type[Settings], name: str) -> str:
    return f"{kind.kind}.{name}"


def _control(kind: type[Settings], name: str) -> Any:
    domain, key = kind.domain(name), _key(kind, name)
    label, explanation = kind.label(name), kind.explanation(name)
    if isinstance(domain, Switch):
        return st.toggle(label, key=key, help=explanation, persist_state="session")
    if isinstance(domain, Choice):
        return st.selectbox(label, domain.options, key=key, help=explanation, persist_state="session")
    if isinstance(domain, Several):
        return _several(domain, key, label, explanation)
    return _number(domain, key, label, explanation)


def _number(domain: Range, key: str, label: str, explanation: str) -> Any:
    if domain.logarithmic:
        options = _steps(domain, st.session_state[key])
        return st.select_slider(
            label, options, key=key, help=explanation, format_func=lambda value: f"{value:g}",
            persist_state="session",
        )  # fmt: skip
    if domain.whole and domain.high - domain.low > 1000:
        return st.number_input(
            label,
            domain.low,
            domain.high,
            key=key,
            step=domain.step,
            help=explanation,
            persist_state="session",
        )
    return st.slider(
        label, domain.low, domain.high, key=key, step=domain.step, help=explanation, persist_state="session"
    )


def _several(domain: Several, key: str, label: str, explanation: str) -> tuple[Any, ...]:
    count = st.slider(label, 0, domain.most, key=f"{key}.count", step=1, help=explanation, persist_state="session")
    values = []
    for place_ in range(count):
        st.session_state[f"{key}.{place_}"] = _item(key, place_)
        values.append(
            st.number_input(
                f"{domain.item_label} {place_ + 1}",
                domain.item.low,
                domain.item.high,
                key=f"{key}.{place_}",
                step=domain.item.step,
                persist_state="session",
            )
        )
    return tuple(values)


# What a newly added layer starts with.
_TYPICAL = {"network.hidden_units": 100, "network.convolution_filters": 32}


def _item(key: str, place_: int) -> Any:
    return st.session_state.get(f"{key}.{place_}", _TYPICAL[key])


def _steps(domain: Range, current: float) -> list[float]:
    """1, 2, 5 in each power of ten, and the current value wherever it lies between."""
    steps = {domain.low, domain.high, current}
    for exponent in range(-12, 12):
        for digit in (1, 2, 5):
            value = float(f"{digit}e{exponent}")
            if domain.low < value < domain.high:
                steps.add(value)
    return sorted(steps)
