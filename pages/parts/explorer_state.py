"""What the explorer shows, as its address carries it: each field's default and what it accepts, declared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES, N_TEST, N_TRAIN
from pages.parts import address
from pages.parts.address import Field, class_number, one_of, whole, words

PAGE = "explorer"
SIZES = {"train": N_TRAIN, "test": N_TEST}
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
LONGEST_INDEX = 2_000  # characters: a link must stay one that mail and chat programs carry


def _size(options: tuple[int, ...]) -> Callable[[str], int]:
    return lambda text: int(one_of(map(str, options))(text))


def _classes(text: str) -> tuple[str, ...]:
    digit = whole(0, 9)
    return tuple(CLASS_NAMES[number] for number in sorted({digit(part) for part in text.split(",")}))


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
    position = whole(0, SIZES["train"] - 1)
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


INDEX_ACCEPTED = "numbers or ranges from 0 to 59,999, separated by commas, like 0-99,250"
FIELDS: Mapping[str, Field] = {
    "view": Field("pictures", words(VIEWS), one_of(VIEWS)),
    "split": Field("train", words(SIZES), one_of(SIZES)),
    "classes": Field(
        (),
        "numbers 0 to 9, separated by commas",
        _classes,
        lambda names: ",".join(map(_number, sorted(names, key=_number))),
    ),
    "index": Field("", INDEX_ACCEPTED, _index),
    "order": Field("stored", words(ORDERS), one_of(ORDERS)),
    "seed": Field(0, "a whole number, 0 to 9999", whole(0, 9999)),
    "per_page": Field(100, words(PAGE_SIZES), _size(PAGE_SIZES)),
    "page": Field(1, "a whole number, 1 to 1200", whole(1, 1200)),
    "first": Field("Shirt", "the number of a class, 0 to 9", class_number, _number),
    "second": Field("T-shirt/top", "the number of a class, 0 to 9", class_number, _number),
    "layout": Field("tsne", words(LAYOUTS), one_of(LAYOUTS)),
    "map_size": Field(3000, words(MAP_SIZES), _size(MAP_SIZES)),
}
# The picture that is open; it has a split of its own, because a neighbour is always a training picture.
_PICTURE: Mapping[str, Field] = {
    "sample": Field(None, "the number of a picture, 0 to 59,999", whole(0, SIZES["train"] - 1)),
    "sample_split": Field(None, words(SIZES), one_of(SIZES)),
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
    fields, problems = address.read(query, {**FIELDS, **_PICTURE})
    sample, split = fields.pop("sample"), fields.pop("sample_split") or fields["split"]
    if sample is None or sample < SIZES[split]:
        return fields, None if sample is None else (split, sample), problems
    return fields, None, [*problems, f"There is no picture {sample:,} in {split}: its last is {SIZES[split] - 1:,}."]


def arrive() -> None:
    """Take over what the visitor's link asks for, else what the page wished for when it ended its last run."""
    query = address.news(PAGE)
    wishes = st.session_state.pop(_WISHES, {})
    problems: list[str] = []
    if query is not None:
        wishes, st.session_state[key("opened")], problems = read(query)
    for name, value in wishes.items():
        st.session_state[key(name)] = value
    if query is not None:
        address.take(PAGE, problems)


def write() -> None:
    """Write what the page shows into its address."""
    query = address.texts({name: get(name) for name in FIELDS}, FIELDS)
    picture = opened()
    if picture is not None:
        query["sample"] = str(picture[1])
        if picture[0] != get("split"):
            query["sample_split"] = picture[0]
    address.write(PAGE, query)
