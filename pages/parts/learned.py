"""What a network learned: its first layer's weights as pictures, and which pictures it gained and lost."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fmnist_core.architecture import describe_layers
from fmnist_core.dataset import CLASS_NAMES
from fmnist_core.runs import NetworkRun
from pages.parts import engine, gallery, one_picture
from pages.parts.measured import measure

_MOST = 30  # units or filters drawn
_PICTURES = 24  # gained or lost pictures drawn
_SIDE = 28
_ABOVE, _BETWEEN = 7, 2  # room above each weight picture for its name, and beside it, in pixels of the picture


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


def weights_chart(
    pictures: np.ndarray, names: list[str], title: str, limit: float | None = None, quantity: str = "weight"
) -> go.Figure:
    """Weight pictures side by side: blue speaks for, red against, white does not matter.

    Parameters
    ----------
    pictures : ndarray of shape (n, height, width)
    names : list of str
        One a picture.
    title : str
    limit : float, optional
        What is drawn in the strongest colours, and all beyond it; the largest value where not given.
    quantity : str
        What a value is called when the pointer is over it.
    """
    columns = min(len(pictures), 10 if len(pictures) > 10 else 5)
    rows = -(-len(pictures) // columns)
    zoom = max(_SIDE // pictures.shape[1], 1)  # 3 x 3 filters are drawn as large as pictures
    limit = limit or float(np.abs(pictures).max()) or 1.0
    # One heat map for all, with room between them: thirty of them would take ten times as long to make and to paint.
    height, width = zoom * pictures.shape[1] + _ABOVE, zoom * pictures.shape[2] + _BETWEEN
    sheet = np.full((rows * height, columns * width), np.nan, dtype=np.float32)
    captions = []
    for place, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        top, left = place // columns * height + _ABOVE, place % columns * width
        sheet[top : top + height - _ABOVE, left : left + width - _BETWEEN] = np.kron(picture, np.ones((zoom, zoom)))
        captions.append(
            {
                "x": left + (width - _BETWEEN) / 2,
                "y": top - 1,
                "text": name,
                "showarrow": False,
                "yanchor": "bottom",
                "font": {"size": 11},
            }
        )
    figure = go.Figure(layout={"annotations": captions})
    figure.add_heatmap(
        z=sheet,
        zmin=-limit,
        zmax=limit,
        colorscale="RdBu",
        showscale=False,
        hoverongaps=False,
        hovertemplate=f"{quantity} %{{z:.3f}}<extra></extra>",
    )
    figure.update_xaxes(visible=False, constrain="domain", range=[-0.5, columns * width - _BETWEEN - 0.5])
    figure.update_yaxes(
        visible=False, constrain="domain", range=[rows * height - 0.5, -2], scaleanchor="x", constraintoward="top"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        # on a phone the pictures are narrower still, and more would be a gap
        height=60 + rows * (115 if columns == 5 else 80),
        margin={"l": 5, "r": 5, "t": 45, "b": 5},
    )
    return figure


@st.fragment
def show(run: NetworkRun) -> None:
    """Weight pictures with a slider over the epochs, and the pictures gained and lost on the way."""
    result = run.result
    n_epochs = len(result.validation_predictions_by_epoch) - 1
    st.subheader("What it learned")
    last = len(result.first_layer_by_epoch) - 1
    epoch = last
    if last > 0:
        epoch = st.slider(
            "Weights after epoch", 0, last, last, key=f"learned.epoch.{last}",
            help="Move it to watch the pictures form. 0 is before training: noise.",
        )  # fmt: skip
    pictures = weight_pictures(result.first_layer_by_epoch[epoch])[:_MOST]
    n_units = next(layer.output_shape[-1] for layer in describe_layers(run.settings) if layer.n_parameters)
    if n_units == len(CLASS_NAMES) and not (run.settings.hidden_units or run.settings.convolution_filters):
        names, title = list(CLASS_NAMES), "What each class looks for"
        meaning = "Blue pixels speak for the class where the picture has ink, red ones against it."
    else:
        names = [str(number) for number in range(1, len(pictures) + 1)]
        what = "filters" if run.settings.convolution_filters else "units"
        which = f"all {n_units} {what}" if n_units == len(pictures) else f"{len(pictures)} of {n_units} {what}"
        title = f"What the first layer looks for: {which}"
        meaning = "Ink on a unit's blue pixels raises its output, ink on its red ones lowers it."
        if what == "filters":
            meaning = "Each filter is slid over the picture, 3 × 3 pixels at a time. " + meaning.replace(
                "unit", "filter"
            )
    st.plotly_chart(weights_chart(pictures, names, title), key="weights", alt=title)
    st.caption(meaning)
    if n_epochs >= 2:
        _show_gained_and_lost(run, n_epochs)


def gained_and_lost(run: NetworkRun, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Places, in the validation pictures, that were wrong after epoch `first` and right after `last`; and the reverse.

    Parameters
    ----------
    run : NetworkRun
    first, last : int
        Epochs; 0 is before training.

    Returns
    -------
    gained, lost : ndarray of shape (n,), int64
    """
    labels = engine.dataset().train.labels[run.result.validation_indices]
    before, after = (run.result.validation_predictions_by_epoch[epoch] == labels for epoch in (first, last))
    return np.flatnonzero(after & ~before), np.flatnonzero(before & ~after)


def _show_gained_and_lost(run: NetworkRun, n_epochs: int) -> None:
    st.markdown("**Which pictures did it gain and lose on the way?** A click opens one.")
    first, last = st.slider(
        "Between two epochs", 0, n_epochs, (1, n_epochs), key=f"learned.pair.{n_epochs}", help="On validation pictures."
    )
    n = len(run.result.validation_indices)
    for column, title, places in zip(
        st.columns(2, gap="medium"),
        ("Gained: wrong before, right after", "Lost: right before, wrong after"),
        gained_and_lost(run, first, last),
        strict=True,
    ):
        with column:
            drawn = f"; {_PICTURES} of them are drawn" if len(places) > _PICTURES else ""
            st.markdown(f"**{title}**: {len(places):,} of {n:,} validation pictures{drawn}")
            _show_pictures(run, places[:_PICTURES], first, last, title.partition(":")[0])


def _show_pictures(run: NetworkRun, places: np.ndarray, first: int, last: int, title: str) -> None:
    train, positions = engine.dataset().train, run.result.validation_indices[places]
    said = run.result.validation_predictions_by_epoch[[first, last]][:, places]
    clicked = gallery.show(
        train.images[positions],
        [CLASS_NAMES[label] for label in train.labels[positions]],
        f"learned.{title}",
        label=title,
        descriptions=[
            f"{CLASS_NAMES[train.labels[position]]}, called {CLASS_NAMES[before]} after epoch {first} and "
            f"{CLASS_NAMES[after]} after epoch {last}; picture {position}"
            for position, before, after in zip(positions, *said, strict=True)
        ],
        size=48,
    )
    if clicked is not None:
        one_picture.show(int(positions[clicked]), [measure(run.run_id)])
