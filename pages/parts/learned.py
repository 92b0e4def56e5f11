"""What a network learned: its first layer's weights as pictures, and which pictures it gained and lost."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from fmnist_core import Run
from fmnist_core.dataset import CLASS_NAMES
from pages.parts import engine, gallery

_MOST = 30  # units or filters drawn


def weight_pictures(first_layer: np.ndarray) -> np.ndarray:
    """The first layer's weights, a picture each unit or filter.

    Parameters
    ----------
    first_layer : ndarray of shape (784, n_units) or (height, width, 1, n_filters)

    Returns
    -------
    ndarray of shape (n, 28, 28) or (n, height, width), float32
    """
    if first_layer.ndim == 2:
        return first_layer.T.reshape(-1, 28, 28).astype(np.float32)
    return np.moveaxis(first_layer[:, :, 0, :], -1, 0).astype(np.float32)


def weights_chart(pictures: np.ndarray, names: list[str], title: str) -> go.Figure:
    """Weight pictures side by side: blue speaks for, red against, white does not care.

    Parameters
    ----------
    pictures : ndarray of shape (n, height, width)
    names : list of str
        One a picture.
    title : str
    """
    columns = min(len(pictures), 10 if len(pictures) > 10 else 5)
    rows = -(-len(pictures) // columns)
    figure = make_subplots(
        rows, columns, subplot_titles=names, horizontal_spacing=0.01, vertical_spacing=0.14 / rows if rows > 1 else 0
    )
    limit = float(np.abs(pictures).max()) or 1.0
    for place, picture in enumerate(pictures):
        figure.add_heatmap(
            z=picture[::-1],
            zmin=-limit,
            zmax=limit,
            colorscale="RdBu",
            showscale=False,
            hovertemplate="weight %{z:.3f}<extra></extra>",
            row=place // columns + 1,
            col=place % columns + 1,
        )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain")
    for axis in range(1, len(pictures) + 1):
        figure.update_layout({f"yaxis{axis if axis > 1 else ''}": {"scaleanchor": f"x{axis if axis > 1 else ''}"}})
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        height=80 + rows * (150 if columns == 5 else 95),
        margin={"l": 5, "r": 5, "t": 70, "b": 5},
    )
    figure.update_annotations(font={"size": 11})
    return figure


@st.fragment
def show(run: Run) -> None:
    """Weight pictures with a slider over the epochs, and the pictures gained and lost on the way."""
    result = run.result
    n_epochs = len(result.validation_predictions_by_epoch) - 1
    st.subheader("What it learned")
    traced = len(result.first_layer_by_epoch) > 1
    epoch = n_epochs
    if traced and n_epochs > 0:
        epoch = st.slider(
            "After epoch", 0, n_epochs, n_epochs, key=f"learned.epoch.{n_epochs}", help="0 is before training: noise."
        )
    pictures = weight_pictures(result.first_layer_by_epoch[epoch if traced else 0])
    one_layer = pictures.shape[0] == len(CLASS_NAMES) and not run.settings.hidden_units and pictures.shape[1] == 28
    if one_layer:
        names, title = list(CLASS_NAMES), "What each class looks for: blue pixels speak for it, red against it"
    else:
        names = [str(number) for number in range(1, len(pictures) + 1)][:_MOST]
        title = f"The first layer's weights: {len(names)} of {len(pictures)}; blue for, red against"
    st.plotly_chart(weights_chart(pictures[:_MOST], names, title), key="weights", alt=title)
    if n_epochs >= 2:
        _show_gained_and_lost(run, n_epochs)


def _show_gained_and_lost(run: Run, n_epochs: int) -> None:
    first, last = st.slider(
        "Compare two epochs", 1, n_epochs, (1, n_epochs), key=f"learned.pair.{n_epochs}", help="On validation pictures."
    )
    train, indices = engine.dataset().train, run.result.validation_indices
    labels = train.labels[indices]
    before, after = (run.result.validation_predictions_by_epoch[epoch] == labels for epoch in (first, last))
    for column, title, chosen in zip(
        st.columns(2, gap="medium"),
        ("Gained: wrong before, right after", "Lost: right before, wrong after"),
        (after & ~before, before & ~after),
        strict=True,
    ):
        with column:
            places = np.flatnonzero(chosen)
            st.markdown(f"**{title}**: {len(places):,} of {len(labels):,} validation pictures")
            shown = indices[places[:24]]
            gallery.show(
                train.images[shown],
                [CLASS_NAMES[label] for label in train.labels[shown]],
                f"learned.{title[:4]}",
                size=48,
            )
