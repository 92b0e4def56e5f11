"""The explorer: look at the pictures before anything is trained."""

import streamlit as st

from fmnist_core.dataset import CLASS_NAMES
from pages.parts import address, class_view, data_map, doubtful_labels, explored, gallery, picture_list, sample
from pages.parts import explorer_state as state
from pages.parts.plain import plain


def show_lesson_strip() -> None:
    """The lesson's first look: ten pictures in a row."""
    train = explored.split("train")
    st.markdown("**The first ten training pictures, with their labels**")
    captions = [f"{label} {CLASS_NAMES[label]}" for label in train.labels[:10]]
    clicked = gallery.show(
        train.images[:10], captions, "explorer.strip", label="The first ten training pictures", size=90
    )
    st.caption(
        "The number below a picture is its **label**: it stands for the **class**, the kind of clothing. A model gets "
        "the pixels and has to find the label. A **split** is a part kept for one purpose: models learn from train, "
        "and test is kept for the very end."
    )
    if clicked is not None:
        state.open_picture("train", clicked)


def show_facts() -> None:
    """The shapes of the four arrays, in words."""
    facts = (
        ("Training pictures", "60,000", "train.images has the shape (60000, 28, 28): models learn from this split."),
        ("Test pictures", "10,000", "test.images has the shape (10000, 28, 28): a split kept for the very end."),
        ("Classes", "10", "6,000 training and 1,000 test pictures of each."),
        ("Pixels per picture", "28 × 28", "Each a grey value, 0 to 255: 784 numbers in all."),
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, figure, explanation in facts:
            st.metric(name, figure, help=explanation, width=165)
        # The page ends below a hundred pictures; who has seen enough need not go there.
        st.page_link(
            "baseline.py", label="Seen enough? Next: set a baseline", icon=":material/arrow_forward:", width=300
        )


SHOW = {
    "pictures": picture_list.show,
    "classes": class_view.show,
    "map": data_map.show,
    "doubtful": doubtful_labels.show,
}


@st.fragment
def show_view() -> None:
    """What was chosen to look at. A fragment: what a filter changes is drawn anew, and nothing around it."""
    SHOW[state.get("view")]()
    state.write()


state.arrive()
st.title("Look first: 70,000 pictures of clothes")
st.markdown(
    "Work through the classic first deep-learning lesson: **look** at the data, set a **baseline**, train a **neural "
    "network**, and find out honestly what the network gains you. It takes about ten minutes. Start here: click a "
    "picture to open it."
)
for problem in address.problems(state.PAGE):
    st.warning(plain(problem), icon=":material/link_off:")
st.segmented_control(
    "Look at",
    tuple(state.VIEWS),
    key=state.key("view"),
    format_func=state.VIEWS.__getitem__,
    required=True,
    on_change=state.first_page,
    persist_state="session",
    label_visibility="collapsed",
)
if state.get("view") == "pictures":
    show_lesson_strip()
    show_facts()
show_view()

picture = state.opened()
if picture is not None:
    sample.show(*picture)
state.write()
st.page_link("baseline.py", label="Next: set a baseline", icon=":material/arrow_forward:")
