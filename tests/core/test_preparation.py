import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from fmnist_core import NetworkSettings
from fmnist_core.preparation import hold_out, scale_and_flatten


def test_scaling_and_flattening_are_the_lessons(dataset):
    images = dataset.train.images[:500]
    expected = images.reshape(500, 784) / 255.0
    np.testing.assert_array_equal(scale_and_flatten(images), expected)
    np.testing.assert_array_equal(scale_and_flatten(images, np.float32), expected.astype(np.float32))
    assert scale_and_flatten(images, np.float32).dtype == np.float32


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("stratified", [False, True])
def test_a_split_by_lot_is_scikit_learns(dataset, share, stratified):
    labels = dataset.train.labels
    settings = NetworkSettings(validation_share=share, split="stratified" if stratified else "random", seed=7)
    train, validation = train_test_split(
        np.arange(60_000), test_size=share, random_state=7, stratify=labels if stratified else None
    )
    split = hold_out(labels, settings)
    np.testing.assert_array_equal(split.train_indices, train)
    np.testing.assert_array_equal(split.validation_indices, validation)


def test_the_lessons_split_has_48_000_and_12_000(dataset):
    split = hold_out(dataset.train.labels, NetworkSettings())
    assert (len(split.train_indices), len(split.validation_indices)) == (48_000, 12_000)


@pytest.mark.parametrize("kind", ["random", "stratified", "tail", "sorted"])
@pytest.mark.parametrize("share", [0.05, 0.35, 0.5])
def test_every_picture_is_on_exactly_one_side(dataset, kind, share):
    split = hold_out(dataset.train.labels, NetworkSettings(split=kind, validation_share=share))
    both = np.concatenate([split.train_indices, split.validation_indices])
    np.testing.assert_array_equal(np.sort(both), np.arange(60_000))
    assert len(split.validation_indices) == round(60_000 * share)


def test_the_tail_is_the_end_of_the_data_and_sorted_data_hides_whole_classes(dataset):
    labels = dataset.train.labels
    tail = hold_out(labels, NetworkSettings(split="tail"))
    np.testing.assert_array_equal(tail.validation_indices, np.arange(48_000, 60_000))
    trap = hold_out(labels, NetworkSettings(split="sorted"))
    assert set(labels[trap.validation_indices]) == {8, 9}
    assert set(labels[trap.train_indices]) == set(range(8))
