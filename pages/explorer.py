"""The explorer: look at the pictures before anything is trained."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from fmnist_core.dataset import CLASS_NAMES, Split
from pages.parts import address, engine, gallery, sample

N_SHOWN = 100
ORDERS = ("as stored", "random")
DEFAULTS = {"split": "train", "classes": (), "order": ORDERS[0], "page": 1}


def arrive() -> None:
    """Set the controls by the address, or say what is wrong with it."""
    query = address.news("explorer")
    if query is None:
        return
    chosen, problems = read_address(query)
    for name, value in chosen.items():
        st.session_state[f"explorer.{name}"] = value
    st.session_state["explorer.problems"] = problems


def read_address(query: Mapping[str, str]) -> tuple[dict[str, object], list[str]]:
    """What the address asks for, with the defaults where it is silent or wrong, and a sentence for each wrong part."""
    chosen: dict[str, object] = {**DEFAULTS, "sample": None}
    problems = []
    for name, text in query.items():
        if name == "split" and text in ("train", "test"):
            chosen["split"] = text
        elif name == "order" and text in ORDERS:
            chosen["order"] = text
        elif name == "classes" and all(part in "0123456789" and part for part in text.split(",")):
            chosen["classes"] = tuple(sorted({CLASS_NAMES[int(part)] for part in text.split(",")}))
        elif name == "page" and text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 600:
            chosen["page"] = int(text[:6])
        elif name != "sample":
            problems.append(_refusal(name, text))
    if "sample" in query:
        n = 60_000 if chosen["split"] == "train" else 10_000
        text = query["sample"]
        if text.isascii() and text.isdigit() and int(text[:9]) < n:
            chosen["sample"] = int(text[:9])
        else:
            problems.append(
                f"There is no picture {text[:40]!r} in {chosen['split']}: they are numbered 0 to {n - 1:,}."
            )
    return chosen, problems


def _refusal(name: str, text: str) -> str:
    accepted = {
        "split": "train or test",
        "order": " or ".join(ORDERS),
        "classes": "numbers 0 to 9, separated by commas",
        "page": "a whole number, 1 to 600",
    }
    if name in accepted:
        return f"{name} must be {accepted[name]}; got {text[:40]!r}."
    return f"There is no {name[:40]!r} on this page. It knows split, classes, order, page and sample."


def matching(split: Split, classes: tuple[str, ...], order: str) -> np.ndarray:
    """Positions of the pictures that the filters leave, in the chosen order."""
    numbers = [CLASS_NAMES.index(name) for name in classes]
    found = np.flatnonzero(np.isin(split.labels, numbers)) if numbers else np.arange(len(split.labels))
    return np.random.default_rng(0).permutation(found) if order == "random" else found


def show_lesson_strip() -> None:
    """The lesson's first look: ten pictures in a row."""
    train = engine.dataset().train
    st.subheader("The first ten training pictures, with their labels")
    captions = [f"{label} {CLASS_NAMES[label]}" for label in train.labels[:10]]
    clicked = gallery.show(
        train.images[:10], captions, "explorer.strip", label="The first ten training pictures", size=84
    )
    if clicked is not None:
        open_sample("train", clicked)


def open_sample(split: str, position: int) -> None:
    """Open a picture; the controls that were already drawn follow in the next run."""
    st.session_state["explorer.sample"] = position
    st.session_state["explorer.split_wish"] = split
    st.rerun()


def close_sample() -> None:
    """Forget the opened picture, so that the address forgets it too."""
    st.session_state["explorer.sample"] = None


@st.dialog("One picture, up close", width="large", on_dismiss=close_sample)
def show_sample(split_name: str, position: int) -> None:
    """One picture, its numbers, and what flattening does to it."""
    split = getattr(engine.dataset(), split_name)
    image, label = split.images[position], CLASS_NAMES[split.labels[position]]
    st.markdown(
        f"**{label}**, picture {position:,} of {split_name}. A picture is 28 x 28 **pixels**, each a number from 0 to "
        "255. **Scaling** divides by 255, because learning goes best with small numbers. **Flattening** lays the 28 "
        "rows end to end: 784 numbers in one line, which is all that a simple model sees."
    )
    scaled = st.toggle("Scaled to 0-1", key="explorer.scaled", persist_state="session")
    shown, histogram = st.columns(2, gap="medium")
    with shown:
        title = f"{label}: each pixel tells its value"
        st.plotly_chart(sample.pixels_chart(image, scaled, title), key="pixels", alt=f"Picture {position}: {label}")
    row = st.slider("Row to follow", 0, 27, 14, key="explorer.row", persist_state="session")
    st.plotly_chart(sample.flat_chart(image, scaled, row), key="flat", alt="The picture as 784 numbers in a line")
    with histogram:
        st.plotly_chart(sample.histogram_chart(image), key="histogram", alt="Histogram of the pixel values")
        st.code(
            f"image.shape        (28, 28)\n"
            f"image[{row}, 14]      {image[row, 14]}\n"
            f"image[{row}, 14]/255  {image[row, 14] / 255:.4f}\n"
            f"flat.shape         (784,)\n"
            f"flat[{row * 28 + 14}]          {image[row, 14]}",
            language=None,
        )


arrive()
data = engine.dataset()
if wish := st.session_state.pop("explorer.split_wish", None):
    st.session_state["explorer.split"] = wish

st.title("Look first: 70,000 pictures of clothes")
st.markdown(
    "Live through the classic first deep-learning lesson: **look** at the data, set a **baseline**, train a **neural "
    "network**, and find out honestly what the network bought. It takes about ten minutes. Start here: click a "
    "picture to open it."
)
for problem in st.session_state.get("explorer.problems", []):
    st.warning(problem, icon=":material/link_off:")
show_lesson_strip()

st.subheader("All pictures")
facts = st.columns(4)
facts[0].metric(
    "Training pictures", "60,000", help="train.images has the shape (60000, 28, 28): models learn from these."
)
facts[1].metric("Test pictures", "10,000", help="test.images has the shape (10000, 28, 28): kept for the very end.")
facts[2].metric(
    "Classes", "10", help="6,000 training and 1,000 test pictures of each. The label is the class's number."
)
facts[3].metric("Pixels a picture", "28 x 28", help="Each a grey value, 0 to 255: 784 numbers in all.")

split_control, order_control, class_control = st.columns([1, 1, 3])
split_name: str = split_control.segmented_control(
    "Split",
    ("train", "test"),
    key="explorer.split",
    required=True,
    help="Models learn from train. Test is only for the final check.",
    persist_state="session",
) or str(DEFAULTS["split"])
order = (
    order_control.segmented_control("Order", ORDERS, key="explorer.order", required=True, persist_state="session")
    or ORDERS[0]
)
classes = class_control.pills(
    "Classes", CLASS_NAMES, key="explorer.classes", selection_mode="multi", persist_state="session",
    help="Choose some to see only them; none chosen shows all.",
)  # fmt: skip
split = getattr(data, split_name)
found = matching(split, tuple(classes), order)
n_pages = -(-len(found) // N_SHOWN)
st.session_state["explorer.page"] = min(int(st.session_state["explorer.page"]), n_pages)
page = st.number_input(
    f"Page, of {n_pages:,} with {N_SHOWN} pictures each",
    1,
    n_pages,
    key="explorer.page",
    persist_state="session",
    width=220,
)
shown = found[(page - 1) * N_SHOWN : page * N_SHOWN]
names = [CLASS_NAMES[label] for label in split.labels[shown]]
opened = st.session_state.get("explorer.sample")
clicked = gallery.show(
    split.images[shown],
    names,
    "explorer.gallery",
    label=f"Pictures {(page - 1) * N_SHOWN + 1:,} to {(page - 1) * N_SHOWN + len(shown):,} of {len(found):,}",
    descriptions=[f"{name}, picture {position} of {split_name}" for name, position in zip(names, shown, strict=True)],
    chosen=int(np.flatnonzero(shown == opened)[0]) if opened in shown else None,
)
if clicked is not None:
    open_sample(split_name, int(shown[clicked]))
if opened is not None and opened < len(split.labels):
    show_sample(split_name, opened)

query = {"split": split_name} if split_name != "train" else {}
if classes:
    query["classes"] = ",".join(str(CLASS_NAMES.index(name)) for name in classes)
if order != ORDERS[0]:
    query["order"] = order
if page > 1:
    query["page"] = str(page)
if opened is not None:
    query["sample"] = str(opened)
address.write("explorer", query)

st.page_link("baseline.py", label="Next: set a baseline", icon=":material/arrow_forward:")
