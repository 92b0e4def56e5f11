"""What a network will be before it is trained: presets, layers, parameters, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import NetworkSettings, RunRecord
from fmnist_core.architecture import PRESETS, LayerInfo, count_parameters, describe_layers, training_cost
from pages.parts import settings_form, theme

OWN_CHOICE = "Your own"
_EXPLANATIONS = {
    "Reshape": "puts the 784 numbers back into 28 rows of 28",
    "RandomFlip": "mirrors half of the pictures while training",
    "Conv2D": "slides small filters over the picture",
    "BatchNormalization": "keeps the filters' outputs in a steady range",
    "Activation": "bends each output, so that layers do not collapse into one",
    "MaxPooling2D": "keeps the strongest of each 2 x 2 outputs",
    "Flatten": "lays all outputs end to end",
    "Dense": "each unit weighs every input and adds up",
    "Dropout": "switches some units off at random while training",
}


def choose_preset() -> None:
    """Offer the presets; choosing one moves all controls."""
    current = settings_form.current(NetworkSettings)
    matching = next((name for name, preset in PRESETS.items() if preset == current), OWN_CHOICE)
    st.session_state["network_plan.preset"] = matching
    st.selectbox(
        "Start from",
        [*PRESETS, OWN_CHOICE] if matching == OWN_CHOICE else list(PRESETS),
        key="network_plan.preset",
        on_change=_place_preset,
        help="Ready-made networks, from the lesson's to a strong one. Every choice below stays yours.",
    )


def _place_preset() -> None:
    settings_form.place(PRESETS[st.session_state["network_plan.preset"]])


def layers_table(settings: NetworkSettings) -> pd.DataFrame:
    """One row a layer, input first."""
    rows = [{"layer": "Input", "gives": "784", "parameters": 0, "what it does": "the flattened picture, 0-1"}]
    described = describe_layers(settings)
    for layer in described:
        last = layer is described[-1]
        rows.append(
            {
                "layer": _name(layer),
                "gives": " x ".join(map(str, layer.output_shape)),
                "parameters": layer.n_parameters,
                "what it does": "ten probabilities that sum to 1 (softmax)" if last else _EXPLANATIONS[layer.kind],
            }
        )
    return pd.DataFrame(rows)


def _name(layer: LayerInfo) -> str:
    detail = layer.arguments.get("activation")
    return f"{layer.kind} ({detail})" if detail else layer.kind


def drawing(settings: NetworkSettings) -> go.Figure:
    """The layers that hold weights, as boxes whose height tells how many numbers they give."""
    described = [layer for layer in describe_layers(settings) if layer.n_parameters]
    names = ["784 pixels"] + [f"{' x '.join(map(str, layer.output_shape))}<br>{layer.kind}" for layer in described]
    sizes = [784.0] + [float(_outputs(layer)) for layer in described]
    largest = max(sizes)
    figure = theme.chart("From pixels to ten probabilities", 240)
    for place, (name, size) in enumerate(zip(names, sizes, strict=True)):
        half = 0.15 + 0.85 * (size / largest) ** 0.4
        figure.add_shape(
            type="rect",
            x0=place - 0.16,
            x1=place + 0.16,
            y0=-half,
            y1=half,
            fillcolor=theme.VALIDATION if place else theme.TRAINING,
            opacity=0.85,
            line_width=0,
        )
        figure.add_annotation(x=place, y=-1.1, text=name, showarrow=False, yanchor="top")
        if place:
            figure.add_annotation(
                x=place - 0.5, y=0, text=f"{described[place - 1].n_parameters:,}<br>weights", showarrow=False
            )
    figure.update_xaxes(visible=False, range=[-0.5, len(names) - 0.5])
    figure.update_yaxes(visible=False, range=[-2.0, 1.1])
    return figure


def _outputs(layer: LayerInfo) -> int:
    product = 1
    for length in layer.output_shape:
        product *= length
    return product


def estimate_seconds(settings: NetworkSettings, records: Iterable[RunRecord]) -> float | None:
    """How long a training may take, learned from the finished ones here; None before there is any.

    The median speed of the runs of the same kind (with or without convolutions), after a constant start.
    """
    start = 1.5
    convolutional = bool(settings.convolution_filters)
    speeds = sorted(
        training_cost(record.settings) / max(record.seconds - start, 0.1)
        for record in records
        if isinstance(record.settings, NetworkSettings)
        and record.stopped_after is None
        and bool(record.settings.convolution_filters) == convolutional
    )
    if not speeds:
        return None
    return start + training_cost(settings) / speeds[len(speeds) // 2]


def show(settings: NetworkSettings, records: Iterable[RunRecord], folded: bool) -> None:
    """The network as it will be, its size, and the time it may take; the drawing folds away when asked to."""
    seconds = estimate_seconds(settings, records)
    time_words = "unknown until one like it was trained here" if seconds is None else f"about {_in_words(seconds)}"
    st.markdown(
        f"**{count_parameters(settings):,} parameters** (weights to be learned). Training time: **{time_words}**."
    )
    with st.expander("The network, layer by layer", expanded=not folded):
        st.plotly_chart(drawing(settings), key="drawing", alt="The network's layers from left to right")
        st.dataframe(layers_table(settings), hide_index=True, key="layers")


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
