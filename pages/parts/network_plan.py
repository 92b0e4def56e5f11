"""What a network will be before it is trained: presets, layers, parameters, and how long it may take."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from math import prod

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fmnist_core import NetworkSettings, RunRecord, cost
from fmnist_core.architecture import LayerInfo, count_parameters, describe_layers
from fmnist_core.settings import PRESETS
from pages.parts import settings_form, theme

OWN_CHOICE = "Your own"
_EXPLANATIONS = {
    "Reshape": "puts the 784 numbers back into 28 rows of 28",
    "RandomFlip": "mirrors half of the pictures while training",
    "Conv2D": "slides small filters over the picture",
    "BatchNormalization": "keeps the filters' outputs in a steady range",
    "Activation": "bends each output, so that layers do not collapse into one",
    "MaxPooling2D": "keeps the strongest of each 2 × 2 outputs",
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
    if current == NetworkSettings():
        st.caption(
            "It has no hidden layer: the lesson starts with the smallest network there is, so that you see what each "
            "layer you add gains."
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
                "gives": " × ".join(map(str, layer.output_shape)),
                "parameters": layer.n_parameters,
                "what it does": "ten probabilities that sum to 1 (softmax)" if last else _EXPLANATIONS[layer.kind],
            }
        )
    return pd.DataFrame(rows)


def _name(layer: LayerInfo) -> str:
    detail = layer.arguments.get("activation")
    return f"{layer.kind} ({detail})" if detail else layer.kind


def drawing(settings: NetworkSettings) -> go.Figure:
    """Dense layers and convolutions, as boxes whose height tells how many numbers they give."""
    described = [layer for layer in describe_layers(settings) if layer.kind in {"Dense", "Conv2D"}]
    names = ["784 pixels", *(_box_name(layer, layer is described[-1]) for layer in described)]
    sizes = [784.0] + [float(prod(layer.output_shape)) for layer in described]
    halves = [0.12 + 0.88 * (size / max(sizes)) ** 0.4 for size in sizes]
    shapes: list[dict[str, object]] = []
    words: list[dict[str, object]] = []
    width = 0.16 if len(names) > 2 else 0.1
    many = len(names) > 4  # on a phone their words would run into one another
    for place, (name, half) in enumerate(zip(names, halves, strict=True)):
        corners = {"x0": place - width, "x1": place + width, "y0": -half, "y1": half}
        colour = theme.VALIDATION if place else theme.TRAINING
        shapes.append({"type": "rect", **corners, "fillcolor": colour, "opacity": 0.85, "line": {"width": 0}})
        below = -1.75 if many and place % 2 else -1.1
        words.append({"x": place, "y": below, "text": name, "showarrow": False, "yanchor": "top"})
        if place:
            left, right, before = place - 1 + width, place - width, halves[place - 1]
            # every number of the left box goes to every unit of the right one
            path = f"M {left} {-before} L {left} {before} L {right} {half} L {right} {-half} Z"
            fill = {"fillcolor": theme.TRAINING, "opacity": 0.15, "line": {"width": 0}}
            shapes.append({"type": "path", "path": path, **fill})
            n_parameters = described[place - 1].n_parameters
            text = f"{n_parameters:,}" if many else f"{n_parameters:,}<br>parameters"
            words.append({"x": place - 0.5, "y": 0, "text": text, "showarrow": False})
    return theme.chart(
        "Each layer, and the parameters before it" if many else "From pixels to ten probabilities",
        250,
        shapes=shapes,
        annotations=words,
        xaxis={"visible": False, "range": [-0.5, len(names) - 0.5], "fixedrange": True},
        yaxis={"visible": False, "range": [-2.5 if many else -2.0, 1.1], "fixedrange": True},
    )


def _box_name(layer: LayerInfo, last: bool) -> str:
    size = " × ".join(map(str, layer.output_shape))
    if last:
        return f"{size} classes<br>softmax"
    return f"{size}<br>convolution" if layer.kind == "Conv2D" else f"{size} units"


def estimate_seconds(settings: NetworkSettings, records: Iterable[RunRecord]) -> float:
    """How long a training may take: counted for two cores, and corrected by how long such ones took here.

    The correction is the median of the five finished runs whose counted time was nearest.
    """
    counted = cost.expected_seconds(settings)
    known = sorted(
        (abs(math.log(expected / counted)), record.seconds / expected)
        for record in records
        # A stopped training, or one that may have stopped early, took less time than its settings say.
        if isinstance(record.settings, NetworkSettings)
        and record.stopped_after is None
        and not record.settings.patience
        for expected in [cost.expected_seconds(record.settings)]
    )
    return counted * (statistics.median(factor for _, factor in known[:5]) if known else 1.0)


def show_size(settings: NetworkSettings, seconds: float | None) -> None:
    """How large the network is, and the time its training may take; None when that is no question any more."""
    size = f"**{count_parameters(settings):,} parameters**, the numbers it learns"
    if seconds is None:
        st.markdown(size)
        return
    about = "up to about" if settings.patience else "about"
    st.markdown(
        f"{size} · trains in **{about} {cost.in_words(seconds)}**, if nothing else runs",
        help="Counted from the network's multiplications and corrected by how long finished runs took here. "
        "If others are waiting, you take turns.",
    )


def show_layers(settings: NetworkSettings, folded: bool) -> None:
    """The network as it will be, drawn and as a table; it folds away when asked to."""
    with st.expander("The network, layer by layer", expanded=not folded, icon=":material/account_tree:"):
        st.plotly_chart(drawing(settings), key="drawing", alt="The network's layers from left to right")
        st.dataframe(
            layers_table(settings),
            hide_index=True,
            key="layers",
            column_config={"parameters": st.column_config.NumberColumn(format="localized")},
            alt="The layers, their shapes and parameters",
        )
        st.caption(parameters_in_words(settings))


def parameters_in_words(settings: NetworkSettings) -> str:
    """What the parameters of the first dense layer are, counted."""
    dense = next(layer for layer in describe_layers(settings) if layer.kind == "Dense")
    units = dense.output_shape[-1]
    inputs = dense.multiplications // units
    return (
        f"{dense.n_parameters:,} parameters are {inputs:,} × {units:,} weights, one for each input of each unit, and "
        f"{units:,} biases, one for each unit, added to its sum."
    )
