"""What a network will be, before it is built: layers, shapes, parameters, cost. No Keras needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from fmnist_core.dataset import N_CLASSES, N_TRAIN, SIDE
from fmnist_core.settings import NetworkSettings

_MOST_AT_ONCE = 2000  # pictures
_MOST_OUTPUTS = _MOST_AT_ONCE * SIDE * SIDE * 32  # numbers of one layer for all of them: 200 MB as float32


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a network.

    Parameters
    ----------
    kind : str
        The name of Keras' layer class.
    output_shape : tuple of int
        Without the batch.
    n_parameters : int
        Weights that the layer holds, including batch normalisation's two running averages.
    multiplications : int
        Multiply-adds for one picture, forward.
    arguments : mapping
        What the layer is made with, as Keras names it.
    """

    kind: str
    output_shape: tuple[int, ...]
    n_parameters: int
    multiplications: int
    arguments: dict[str, object]


def describe_layers(settings: NetworkSettings) -> tuple[LayerInfo, ...]:
    """The layers that `settings` ask for, in order, from the flattened picture to the ten probabilities."""
    layers: list[LayerInfo] = []
    shape: tuple[int, ...] = (SIDE * SIDE,)

    def add(kind: str, output: tuple[int, ...], n_parameters: int = 0, cost: int = 0, **arguments: object) -> None:
        nonlocal shape
        shape = output
        layers.append(LayerInfo(kind, output, n_parameters, cost, arguments))

    def add_dense(units: int, activation: str) -> None:
        cost = shape[0] * units
        add("Dense", (units,), cost + units, cost, units=units, activation=activation)

    if settings.flips or settings.convolution_filters:
        add("Reshape", (SIDE, SIDE, 1), target_shape=(SIDE, SIDE, 1))
    if settings.flips:
        add("RandomFlip", shape, mode="horizontal")
    for filters in settings.convolution_filters:
        _add_block(settings, filters, shape, add)
    if len(shape) > 1:
        add("Flatten", (prod(shape),))
    for units in settings.hidden_units:
        add_dense(units, settings.activation)
        if settings.dropout:
            add("Dropout", shape, rate=settings.dropout)
    add_dense(N_CLASSES, "softmax")
    return tuple(layers)


def _add_block(settings: NetworkSettings, filters: int, shape: tuple[int, ...], add: Callable[..., None]) -> None:
    """Convolution, batch normalisation if asked for, activation, and halving of height and width."""
    side, _, channels = shape
    kernel = 3 * 3 * channels * filters
    normalized = settings.batch_normalization
    add(
        "Conv2D",
        (side, side, filters),
        # Batch normalisation has a shift of its own, so the convolution needs none.
        kernel + (0 if normalized else filters),
        kernel * side * side,
        filters=filters,
        kernel_size=3,
        padding="same",
        **({"use_bias": False} if normalized else {"activation": settings.activation}),
    )
    if normalized:
        add("BatchNormalization", (side, side, filters), 4 * filters)
        add("Activation", (side, side, filters), activation=settings.activation)
    add("MaxPooling2D", (side // 2, side // 2, filters), pool_size=2)


def count_parameters(settings: NetworkSettings) -> int:
    """All weights of the network."""
    return sum(layer.n_parameters for layer in describe_layers(settings))


def pictures_at_once(settings: NetworkSettings) -> int:
    """How many pictures are measured at once: 2,000, or fewer where the output of a layer would fill the memory."""
    largest = max(prod(layer.output_shape) for layer in describe_layers(settings))
    return min(_MOST_AT_ONCE, _MOST_OUTPUTS // largest)


def training_cost(settings: NetworkSettings) -> float:
    """Multiply-adds of the whole training: forward and backward (three times forward), all pictures and epochs."""
    forward = sum(layer.multiplications for layer in describe_layers(settings))
    return 3.0 * forward * N_TRAIN * (1 - settings.validation_share) * settings.epochs
