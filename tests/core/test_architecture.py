"""The plan of a network against the network that Keras really builds."""

import random

import pytest

from fmnist_core import NetworkSettings
from fmnist_core.architecture import (
    count_parameters,
    describe_layers,
    training_cost,
)
from fmnist_core.network import build_model
from fmnist_core.settings import PRESETS


def some_settings(seed):
    draw = random.Random(seed)
    return NetworkSettings(
        convolution_filters=tuple(draw.randrange(8, 40, 8) for _ in range(draw.randrange(4))),
        batch_normalization=draw.random() < 0.5,
        hidden_units=tuple(draw.randrange(1, 60) for _ in range(draw.randrange(5))),
        activation=draw.choice(["relu", "tanh", "sigmoid", "gelu"]),
        dropout=draw.choice([0.0, 0.2, 0.5]),
        flips=draw.random() < 0.3,
    )


def check(settings):
    model = build_model(settings)
    described = describe_layers(settings)
    assert [layer.kind for layer in described] == [type(layer).__name__ for layer in model.layers]
    assert [layer.output_shape for layer in described] == [tuple(layer.output.shape[1:]) for layer in model.layers]
    # A layer of random seeds counts them among its weights; they are not learned and not the network's size.
    counts = [0 if layer.kind in {"Dropout", "RandomFlip"} else real.count_params()
              for layer, real in zip(described, model.layers, strict=True)]  # fmt: skip
    assert [layer.n_parameters for layer in described] == counts
    assert count_parameters(settings) == sum(counts)


def test_shapes_and_counts_of_random_networks_are_keras_own():
    for seed in range(60):
        check(some_settings(seed))


@pytest.mark.parametrize("name", PRESETS)
def test_shapes_and_counts_of_the_presets_are_keras_own(name):
    check(PRESETS[name])


def test_the_lessons_network_has_7850_parameters():
    assert count_parameters(NetworkSettings()) == 7850
    assert [layer.kind for layer in describe_layers(NetworkSettings())] == ["Dense"]
    assert PRESETS["The lesson"] == NetworkSettings()


def test_cost_grows_with_what_is_computed():
    lesson = training_cost(NetworkSettings())
    assert lesson == 3 * 7840 * 48_000 * 5
    assert training_cost(NetworkSettings(epochs=10)) == 2 * lesson
    assert training_cost(PRESETS["Small CNN"]) > 50 * lesson
