"""The lesson's own code, as a beginner types it: float64 arrays, plain `fit`. What the engine is held against."""

import time

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from fmnist_core import FashionMNIST


def train(
    dataset: FashionMNIST, hidden: int = 0, epochs: int = 5, split_seed: int = 42
) -> tuple[float, float, list[float]]:
    """Prepare, split, build, compile, fit, evaluate; `hidden` units in a layer before the last, if any.

    Returns
    -------
    loss, accuracy : float
        On the 12,000 held-out pictures.
    epoch_seconds : list of float
    """
    pixels = dataset.train.images.reshape(60_000, 784) / 255.0
    x_train, x_valid, y_train, y_valid = train_test_split(
        pixels, dataset.train.labels, test_size=0.2, random_state=split_seed
    )
    model = keras.Sequential([keras.layers.Input((784,))])
    if hidden:
        model.add(keras.layers.Dense(hidden, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = _Clock()
    model.fit(x_train, y_train, epochs=epochs, verbose=0, callbacks=[clock])
    loss, accuracy = model.evaluate(x_valid, y_valid, verbose=0)
    return float(loss), float(accuracy), np.diff(clock.times).tolist()


class _Clock(keras.callbacks.Callback):
    """Notes the time at the start and at the end of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def on_train_begin(self, logs: object = None) -> None:
        self.times.append(time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.times.append(time.perf_counter())
