"""What the explorer shows, as its address carries it: each field's default and what it accepts, declared once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import address

PAGE = "explorer"
SIZES = {"train": 60_000, "test": 10_000}
VIEWS = {"pictures": "Pictures", "classes": "Classes", "map": "Map", "doubtful": "Doubtful labels"}
ORDERS = {
    "stored": "as stored",
    "random": "random",
    "typical": "most typical",
    "untypical": "least typical",
    "doubtful": "most doubtful label",
}
PAGE_SIZES = (50, 100, 200)
LAYOUTS = {"tsne": "t-SNE", "pca": "PCA"}
MAP_SIZES = (500, 1000, 3000)
_WISHES = "explorer.wishes"
_PROBLEMS = "explorer.problems"
LONGEST_INDEX = 2_000  # characters: a link must stay one that mail and chat programs carry


@dataclass(frozen=True)
class Field:
    """One field of the address.

    Parameters
    ----------
    default : object
        Not written into the address.
    accepted : str
        What a bad link is told.
    parse : callable
        From text; raises `ValueError`.
    write : callable
        To text that `parse` reads back.
    """

    default: Any
    accepted: str
    parse: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # int() alone would also take signs, underscores and other scripts' digits
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def _one_of(options: Mapping[str, str] | tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in options:
            raise ValueError
        return text

    return parse


def _size(options: tuple[int, ...]) -> Callable[[str], int]:
    return lambda text: int(_one_of(tuple(map(str, options)))(text))


def _classes(text: str) -> tuple[str, ...]:
    digit = _whole(0, 9)
    return tuple(CLASS_NAMES[number] for number in sorted({digit(part) for part in text.split(",")}))


def _class(text: str) -> str:
    return CLASS_NAMES[_whole(0, 9)(text)]


def _number(name: str) -> str:
    return str(CLASS_NAMES.index(name))


def parse_index(text: str) -> np.ndarray:
    """Read "0-99, 250" as positions, in the order given; (n,), int64, without repetitions.

    Raises
    ------
    ValueError
        When the text is anything else, or names a position beyond the 60,000 of train.
    """
    if len(text) > LONGEST_INDEX:
        raise ValueError
    position = _whole(0, SIZES["train"] - 1)
    found: dict[int, None] = {}
    left = SIZES["train"]  # no list of different positions is longer; more would only cost memory
    for part in text.replace(" ", "").split(","):
        low, dash, high = part.partition("-")
        first, last = position(low), position(high if dash else low)
        left -= last + 1 - first
        if last < first or left < 0:
            raise ValueError
        found.update(dict.fromkeys(range(first, last + 1)))
    return np.fromiter(found, dtype=np.int64)


def _index(text: str) -> str:
    parse_index(text)
    return text


def words(options: Mapping[str, str] | tuple[object, ...]) -> str:
    """The options as a sentence lists them."""
    listed = [str(option) for option in options]
    return " or ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else listed[0]


INDEX_ACCEPTED = "numbers or ranges from 0 to 59,999, separated by commas, like 0-99,250"
FIELDS: Mapping[str, Field] = {
    "view": Field("pictures", words(VIEWS), _one_of(VIEWS)),
    "split": Field("train", words(tuple(SIZES)), _one_of(tuple(SIZES))),
    "classes": Field(
        (),
        "numbers 0 to 9, separated by commas",
        _classes,
        lambda names: ",".join(map(_number, sorted(names, key=_number))),
    ),
    "index": Field("", INDEX_ACCEPTED, _index),
    "order": Field("stored", words(ORDERS), _one_of(ORDERS)),
    "seed": Field(0, "a whole number, 0 to 9999", _whole(0, 9999)),
    "per_page": Field(100, words(PAGE_SIZES), _size(PAGE_SIZES)),
    "page": Field(1, "a whole number, 1 to 1200", _whole(1, 1200)),
    "first": Field("Shirt", "the number of a class, 0 to 9", _class, _number),
    "second": Field("T-shirt/top", "the number of a class, 0 to 9", _class, _number),
    "layout": Field("tsne", words(LAYOUTS), _one_of(LAYOUTS)),
    "map_size": Field(3000, words(MAP_SIZES), _size(MAP_SIZES)),
}


def key(name: str) -> str:
    """The name of a field's control, and of its place in the session."""
    return f"{PAGE}.{name}"


def get(name: str) -> Any:
    """The field as it stands; for one with a control, after `arrive`."""
    value = st.session_state.get(key(name))
    return FIELDS[name].default if value is None else value


def opened() -> tuple[str, int] | None:
    """Split and position of the picture that is open, or None."""
    return st.session_state.get(key("opened"))


def open_picture(split: str, position: int) -> None:
    """Open a picture, now."""
    st.session_state[key("opened")] = (split, position)
    st.rerun()


def close_picture() -> None:
    """Forget the open picture, so that the address forgets it too."""
    st.session_state[key("opened")] = None


def wish(**fields: object) -> None:
    """Set fields whose controls are already drawn, by starting the page anew."""
    st.session_state[_WISHES] = fields
    st.rerun()


def first_page() -> None:
    """Other pictures begin at their first page."""
    st.session_state[key("page")] = 1


def read(query: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, int] | None, list[str]]:
    """What an address asks for: all fields, the picture to open, and a sentence for each part that is wrong.

    A wrong part leaves its field at the default.
    """
    fields: dict[str, Any] = {name: field.default for name, field in FIELDS.items()}
    problems = []
    for name, text in query.items():
        if name in FIELDS:
            try:
                fields[name] = FIELDS[name].parse(text)
            except ValueError:
                problems.append(f"{name} must be {FIELDS[name].accepted}; got {text[:40]!r}.")
        elif name not in ("sample", "sample_split"):
            known = words((*FIELDS, "sample"))
            problems.append(f"There is no {name[:40]!r} on this page. It knows {known}.")
    picture = None
    split = query.get("sample_split", fields["split"])
    if split not in SIZES:
        problems.append(f"sample_split must be {words(tuple(SIZES))}; got {split[:40]!r}.")
    elif "sample" in query:
        try:
            picture = (split, _whole(0, SIZES[split] - 1)(query["sample"]))
        except ValueError:
            problems.append(
                f"There is no picture {query['sample'][:40]!r} in {split}: they are numbered 0 to {SIZES[split] - 1:,}."
            )
    return fields, picture, problems


def arrive() -> None:
    """Take over what the visitor's link asks for, else what the page wished for when it ended its last run."""
    query = address.news(PAGE)
    wishes = st.session_state.pop(_WISHES, {})
    if query is not None:
        wishes, st.session_state[key("opened")], st.session_state[_PROBLEMS] = read(query)
    for name, value in wishes.items():
        st.session_state[key(name)] = value
    if query is not None:
        address.take(PAGE)


def problems() -> list[str]:
    """What is wrong with the link that brought the visitor here."""
    return st.session_state.get(_PROBLEMS, [])


def write() -> None:
    """Write what the page shows into its address."""
    texts = {name: field.write(get(name)) for name, field in FIELDS.items()}
    query = {name: text for name, text in texts.items() if text != FIELDS[name].write(FIELDS[name].default)}
    picture = opened()
    if picture is not None:
        query["sample"] = str(picture[1])
        if picture[0] != get("split"):
            query["sample_split"] = picture[0]
    address.write(PAGE, query)
