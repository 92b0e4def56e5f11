"""From pictures to what a model learns from: scale, flatten, hold out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from fmnist_core.settings import NetworkSettings


@dataclass(frozen=True, eq=False)
class HoldOut:
    """Which training pictures are learned from, and which are kept aside to check.

    Parameters
    ----------
    train_indices, validation_indices : ndarray of shape (n,), int32
        Positions in the 60,000 training pictures.
    """

    train_indices: np.ndarray
    validation_indices: np.ndarray


def scale_and_flatten(images: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
    """Divide by 255 and lay each picture's rows end to end.

    Parameters
    ----------
    images : ndarray of shape (n, 28, 28), uint8, 0-255
    dtype : float64, as the lesson has it, or float32

    Returns
    -------
    ndarray of shape (n, 784), `dtype`, 0-1
    """
    flat = images.reshape(len(images), -1)
    return np.divide(flat, dtype(255.0), dtype=dtype)


def hold_out(labels: np.ndarray, settings: NetworkSettings) -> HoldOut:
    """Choose the validation pictures, as `NetworkSettings.split` says.

    Parameters
    ----------
    labels : ndarray of shape (n,), uint8
    settings : NetworkSettings
        ``validation_share``, ``split`` and ``seed`` count.

    Notes
    -----
    "random" is the lesson's ``train_test_split(test_size=share, random_state=seed)``; "tail" is what Keras'
    ``validation_split`` does; "sorted" is the same on data sorted by class, a classic mistake.
    """
    positions = np.arange(len(labels), dtype=np.int32)
    if settings.split in {"random", "stratified"}:
        train, validation = train_test_split(
            positions,
            test_size=settings.validation_share,
            random_state=settings.seed,
            stratify=labels if settings.split == "stratified" else None,
        )
        return HoldOut(train, validation)
    if settings.split == "sorted":
        positions = np.argsort(labels, kind="stable").astype(np.int32)
    n_train = len(labels) - round(len(labels) * settings.validation_share)
    return HoldOut(positions[:n_train], positions[n_train:])
