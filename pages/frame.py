"""What stands around every page: the navigation above, the state of the workers below."""

from pathlib import Path

import streamlit as st

from fmnist_core import FMNISTError
from pages.parts import failures, found, job_panel, share

# The data set's first picture, an ankle boot. A file of ours: a named icon would be fetched from the internet.
ICON = Path(__file__).parent / "parts" / "icon.png"

st.set_page_config(page_title="Fashion-MNIST, live", page_icon=str(ICON), layout="wide")
st.html(Path(__file__).parent / "parts" / "theme.css")

page = st.navigation(
    [
        st.Page(
            "explorer.py",
            title="Explorer",
            icon=":material/grid_view:",
            url_path="start",
            default=True,
            help="Look at the 70,000 pictures before anything is trained.",
        ),
        # The default page lives at "/"; this is the same page for links that name it.
        st.Page("explorer.py", title="Explorer", url_path="explorer", visibility="hidden"),
        st.Page(
            "baseline.py",
            title="Baseline",
            icon=":material/horizontal_rule:",
            url_path="baseline",
            help="A simple linear classifier: the figure that a network has to beat.",
        ),
        st.Page(
            "network.py",
            title="Neural network",
            icon=":material/hub:",
            url_path="network",
            help="Build a network, train it, and watch it learn.",
        ),
        st.Page(
            "evaluation.py",
            title="Evaluation",
            icon=":material/fact_check:",
            url_path="evaluation",
            help="What the network gains over the baseline, and the pictures behind the figure.",
        ),
    ],
    position="top",
)
share.show(page.url_path)
try:
    page.run()
except FMNISTError as error:
    failures.show(error)
found.show()
job_panel.show_footer()
