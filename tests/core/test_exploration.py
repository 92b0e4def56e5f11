"""Held against plain numpy and scikit-learn, on the real pictures."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestCentroid, NearestNeighbors

from fmnist_core import DatasetError, exploration
from fmnist_core.dataset import Split
from fmnist_core.exploration import (
    count_neighbours,
    describe_classes,
    distances_to_mean,
    lay_out,
    separate,
)
from fmnist_core.neighbours import NeighbourIndex


@pytest.fixture(scope="module")
def pixels(dataset):
    return dataset.train.images.reshape(60_000, 784)


@pytest.fixture(scope="module")
def means(dataset):
    return describe_classes(dataset.train).means


@pytest.fixture(scope="module")
def picture_map(dataset):
    return lay_out(dataset.train)


@pytest.fixture(scope="module")
def index(dataset):
    return NeighbourIndex(dataset.train.images)


@pytest.mark.parametrize("name", ["train", "test"])
def test_class_statistics_are_numpys(dataset, name):
    split = getattr(dataset, name)
    statistics = describe_classes(split)
    for number in range(10):
        own = split.images[split.labels == number].astype(np.float64)
        assert statistics.counts[number] == len(own) == len(split.labels) // 10
        np.testing.assert_allclose(statistics.means[number], own.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(statistics.spreads[number], own.std(axis=0), atol=1e-6)
        expected, _ = np.histogram(own, bins=256, range=(0, 256))
        assert (statistics.histograms[number] == expected).all()


@pytest.mark.parametrize("name", ["train", "test"])
def test_typical_is_near_the_mean_of_ones_class(dataset, means, name):
    split = getattr(dataset, name)
    some = np.random.default_rng(0).choice(len(split.labels), 500, replace=False)
    away = (split.images[some] - means[split.labels[some]]) / 255.0
    expected = np.linalg.norm(away.reshape(500, -1), axis=1)
    np.testing.assert_allclose(distances_to_mean(split, means)[some], expected, rtol=1e-5)


# pixels in a corner that are always 0: scikit-learn says so, and it changes nothing
@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_ has at least 1 zero")
@pytest.mark.parametrize(("first", "second"), [(6, 0), (7, 9), (4, 2)])
def test_two_classes_are_confused_as_often_as_by_scikit_learns_nearest_centroid(dataset, pixels, means, first, second):
    separation = separate(dataset.train, means, first, second)
    both = np.isin(dataset.train.labels, [first, second])
    centroid = NearestCentroid().fit(pixels[both] / 255.0, dataset.train.labels[both])
    wrong = 1 - centroid.score(pixels[both] / 255.0, dataset.train.labels[both])
    assert separation.mistaken == pytest.approx(wrong, abs=1 / 12_000)
    np.testing.assert_allclose(separation.difference, means[second] - means[first])
    assert separation.places[0].mean() == pytest.approx(0, abs=1e-4)
    assert separation.places[1].mean() == pytest.approx(1, abs=1e-4)


def test_neighbours_are_scikit_learns_brute_force(dataset, pixels, index):
    """Also of the most unusual pictures, for which the search has to look at most."""
    norms = np.einsum("ij,ij->i", pixels, pixels, dtype=np.int64)
    random = np.random.default_rng(1)
    queries = np.concatenate([random.choice(60_000, 80, replace=False), np.argsort(norms)[[0, 1, -2, -1]]])
    brute = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(pixels / np.float64(255))
    distances, positions = brute.kneighbors(pixels[queries] / 255.0)
    for query, expected_distances, expected in zip(queries, distances, positions, strict=True):
        found = index.find(dataset.train.images[query], leave_out=int(query))
        others = expected != query
        # scikit-learn takes differences of large numbers; ours are whole numbers up to the root
        np.testing.assert_allclose(found.distances, expected_distances[others][:10], atol=1e-6)
        assert set(found.positions) == set(expected[others][:10])


def test_neighbours_of_a_test_picture_are_training_pictures(dataset, pixels, index):
    brute = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(pixels / np.float64(255))
    expected_distances, expected = brute.kneighbors(dataset.test.images[:20].reshape(20, 784) / 255.0)
    for image, distances, positions in zip(dataset.test.images[:20], expected_distances, expected, strict=True):
        found = index.find(image)
        np.testing.assert_allclose(found.distances, distances, atol=1e-6)
        assert set(found.positions) == set(positions)


def test_of_equally_far_pictures_the_first_comes_first():
    images = np.zeros((40, 28, 28), dtype=np.uint8)
    images[20:] = 9
    index = NeighbourIndex(images)
    found = index.find(images[0], n=3, leave_out=0)
    assert found.positions.tolist() == [1, 2, 3]
    assert found.distances.tolist() == [0, 0, 0]
    assert len(index.find(images[0], n=99, leave_out=0).positions) == 39


def test_strange_pictures_find_their_exact_neighbours(pixels, index):
    """Noise, black and inverted pictures are far from everything, where bounds are loosest."""
    random = np.random.default_rng(2)
    for strange in (
        random.integers(0, 256, (28, 28), dtype=np.uint8),
        np.full((28, 28), 255, dtype=np.uint8),
        255 - pixels[5].reshape(28, 28),
    ):
        away = pixels.astype(np.int32) - strange.reshape(-1)
        squares = np.einsum("ij,ij->i", away, away)
        expected = np.argsort(squares, kind="stable")[:10]
        found = index.find(strange)
        assert found.positions.tolist() == expected.tolist()
        np.testing.assert_array_equal(found.distances, np.sqrt(squares[expected]) / 255.0)


def test_the_map_holds_three_thousand_pictures_as_many_of_each_class(dataset, picture_map):
    positions = picture_map.positions
    assert positions.shape == (3000,)
    assert (np.diff(positions) > 0).all()
    assert (np.bincount(dataset.train.labels[positions]) == 300).all()
    assert picture_map.tsne.shape == picture_map.pca.shape == (3000, 2)
    assert not picture_map.tsne.flags.writeable


def test_the_maps_sample_is_the_one_that_its_script_draws(dataset, picture_map):
    from fmnist_core.data import make_map

    assert (make_map.draw(dataset.train.labels) == picture_map.positions).all()


def test_the_prepared_map_keeps_neighbours_together(pixels, picture_map):
    sample = pixels[picture_map.positions] / 255.0
    assert trustworthiness(sample, picture_map.tsne, n_neighbors=10) > 0.97


def test_pca_is_scikit_learns(pixels, picture_map):
    pca = PCA(n_components=2, svd_solver="full")
    expected = pca.fit_transform(pixels[picture_map.positions] / 255.0)
    for axis in range(2):
        # which way an axis points is arbitrary
        sign = np.sign(expected[:, axis] @ picture_map.pca[:, axis])
        np.testing.assert_allclose(picture_map.pca[:, axis], sign * expected[:, axis], atol=1e-3)
    np.testing.assert_allclose(picture_map.explained, pca.explained_variance_ratio_, rtol=1e-4)


def test_a_missing_or_damaged_map_is_a_sentence_that_says_how_to_mend_it(dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(exploration, "OWN_DIRECTORY", tmp_path)
    with pytest.raises(DatasetError, match="make_map"):
        lay_out(dataset.train)
    (tmp_path / "map.npz").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(DatasetError, match="make_map"):
        lay_out(dataset.train)


def test_neighbours_are_counted_as_scikit_learn_finds_them(dataset, pixels):
    some = np.random.default_rng(3).choice(60_000, 1100, replace=False)  # more than two blocks
    labels = dataset.train.labels[some]
    nearest = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(pixels[some] / 255.0).kneighbors()[1]
    expected = np.zeros((10, 10), dtype=int)
    for own, others in zip(labels, labels[nearest], strict=True):
        for other in others:
            expected[own, other] += 1
    assert (count_neighbours(dataset.train.images[some], labels) == expected).all()


def test_statistics_hold_for_a_few_pictures_too():
    """Nothing in the engine counts on 6,000 a class."""
    random = np.random.default_rng(4)
    split = Split(random.integers(0, 256, (30, 28, 28), dtype=np.uint8), (np.arange(30) % 10).astype(np.uint8))
    statistics = describe_classes(split)
    np.testing.assert_allclose(statistics.means[3], split.images[[3, 13, 23]].mean(axis=0))
    assert distances_to_mean(split, statistics.means).shape == (30,)
