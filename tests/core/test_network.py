"""The network: real Keras, real data, against plain Keras and the lesson's own code."""

import dataclasses
import subprocess
import sys
import threading

import numpy as np
import pytest

from benchmarks import lesson as lessons_own
from fmnist_core import FashionMNIST, NetworkSettings, RunStore, evaluate, network, train_network
from fmnist_core.architecture import pictures_at_once
from fmnist_core.dataset import DATA_DIGEST, Split
from fmnist_core.network import build_model, compile_model, restore_model
from fmnist_core.preparation import hold_out, scale_and_flatten
from fmnist_core.prepared.make_runs import FOLDER
from fmnist_core.progress import Stopped
from fmnist_core.runs import identify
from fmnist_core.settings import PRESETS

TINY = {"epochs": 2, "batch_size": 64}


@pytest.fixture(scope="module")
def small(dataset):
    """2,000 + 300 pictures of the real data."""
    train, test = dataset.train, dataset.test
    return FashionMNIST(
        Split(train.images[:2000], train.labels[:2000]), Split(test.images[:300], test.labels[:300]), "small"
    )


@pytest.fixture(scope="module")
def lesson(dataset):
    return train_network(dataset, NetworkSettings())


def test_the_lessons_network_ends_where_the_lesson_does(lesson):
    assert lesson.n_parameters == 7850
    assert len(lesson.validation_indices) == 12_000
    assert 0.84 <= lesson.validation_accuracy <= 0.855
    assert 0.42 <= lesson.validation_loss <= 0.47
    assert 0.05 <= lesson.untrained_accuracy <= 0.2
    assert [len(figures) for figures in lesson.history.values()] == [5, 5, 5, 5]
    assert lesson.stopped_after_batches is None


def test_the_prepared_run_of_the_lessons_network_is_what_anybody_gets(lesson):
    kept = RunStore(FOLDER, read_only=True).load(identify(NetworkSettings(), DATA_DIGEST)).result
    # another processor adds in another order
    assert lesson.validation_accuracy == pytest.approx(kept.validation_accuracy, abs=0.003)
    assert lesson.validation_loss == pytest.approx(kept.validation_loss, abs=0.005)
    for field in dataclasses.fields(kept):
        before, after = getattr(kept, field.name), getattr(lesson, field.name)
        if isinstance(before, np.ndarray):
            assert (before.shape, before.dtype) == (after.shape, after.dtype)


@pytest.mark.slow
def test_the_lessons_own_code_is_as_good(dataset, lesson):
    loss, accuracy, _ = lessons_own.train(dataset)
    assert lesson.validation_accuracy == pytest.approx(accuracy, abs=0.01)
    assert lesson.validation_loss == pytest.approx(loss, abs=0.02)


@pytest.mark.slow
def test_a_new_process_repeats_the_figures_to_the_last_digit(lesson):
    code = (
        "from fmnist_core import *; r = train_network(load_dataset(), NetworkSettings()); "
        "print(repr(r.validation_loss), repr(r.validation_accuracy))"
    )
    other = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.split() == [repr(lesson.validation_loss), repr(lesson.validation_accuracy)]


def test_other_threads_that_draw_random_numbers_change_nothing(small):
    """Dask's threads use Python's global generator, from which plain Keras would draw first weights."""
    settings = NetworkSettings(**TINY)
    expected = train_network(small, settings)
    stop = threading.Event()

    def draw():
        import random

        while not stop.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        found = train_network(small, settings)
    finally:
        stop.set()
        thread.join()
    np.testing.assert_array_equal(found.weights, expected.weights)


def plain_keras(data, settings):
    """The same training in plain Keras: the epoch's order from the seed, then `fit` on the arrays."""
    import keras

    split = hold_out(data.train.labels, settings)
    x = scale_and_flatten(data.train.images, np.float32)
    y = data.train.labels.astype(np.int32)
    keras.utils.set_random_seed(settings.seed)
    model = build_model_with_keras_own_seeds(settings)
    compile_model(model, settings, len(split.train_indices), jit_compile=False)
    orders = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        order = split.train_indices[orders.permutation(len(split.train_indices))]
        model.fit(x[order], y[order], shuffle=False, batch_size=settings.batch_size, verbose=0)
    return model.evaluate(x[split.validation_indices], y[split.validation_indices], verbose=0)


def build_model_with_keras_own_seeds(settings):
    import keras

    hidden = [keras.layers.Dense(units, activation=settings.activation) for units in settings.hidden_units]
    return keras.Sequential([keras.layers.Input((784,)), *hidden, keras.layers.Dense(10, activation="softmax")])


@pytest.mark.parametrize(
    "settings",
    [
        NetworkSettings(**TINY),
        NetworkSettings(**TINY, hidden_units=(30, 20), activation="tanh"),
        NetworkSettings(**TINY, optimizer="adam", schedule="warmup_cosine", learning_rate=0.01),
        NetworkSettings(epochs=2, batch_size=32, validation_share=0.35, optimizer="sgd", learning_rate=0.1),
    ],
    ids=["lesson", "hidden", "schedule", "partial batch"],
)
def test_the_chunked_training_is_plain_keras_training(small, settings):
    loss, accuracy = plain_keras(small, settings)
    found = train_network(small, settings)
    assert found.validation_accuracy == pytest.approx(accuracy, abs=1e-6)
    assert found.validation_loss == pytest.approx(loss, abs=2e-5)


@pytest.mark.parametrize(
    "settings",
    [
        NetworkSettings(**TINY, hidden_units=(16,), dropout=0.5),
        NetworkSettings(**TINY, convolution_filters=(8,)),
        NetworkSettings(**TINY, convolution_filters=(8, 8, 8), batch_normalization=True, flips=True),
        NetworkSettings(**TINY, flips=True),
        NetworkSettings(**TINY, split="stratified"),
        NetworkSettings(**TINY, split="tail", activation="gelu", hidden_units=(8,)),
        NetworkSettings(**TINY, split="sorted", validation_share=0.5),
    ],
    ids=["dropout", "convolution", "strong", "flips", "stratified", "tail", "sorted"],
)
def test_every_choice_trains_reports_and_repeats(small, settings):
    reports = []
    first = train_network(small, settings, on_progress=reports.append)
    second = train_network(small, settings)
    np.testing.assert_array_equal(first.weights, second.weights)
    assert [row["epoch"] for row in reports[-1].rows] == [0, 1, 2]
    assert reports[-1].rows[-1]["val_loss"] == first.history["val_loss"][-1]
    shares = [report.share for report in reports]
    assert shares == sorted(shares)
    assert first.n_parameters == len(first.weights)
    held_out = scale_and_flatten(small.train.images[first.validation_indices], np.float32)
    answers = restore_model(settings, first.weights)(held_out, training=False).numpy()
    np.testing.assert_allclose(answers, first.validation_probabilities, atol=1e-5)
    report = evaluate(small.train.labels[first.validation_indices], first.validation_probabilities)
    assert report.accuracy == pytest.approx(first.validation_accuracy, abs=1e-6)
    assert report.loss == pytest.approx(first.validation_loss, abs=1e-4)


def test_early_stopping_keeps_the_best_weights(small):
    settings = NetworkSettings(epochs=40, batch_size=16, hidden_units=(100,), learning_rate=0.005, patience=2)
    result = train_network(small, settings)
    losses = result.history["val_loss"]
    assert len(losses) < 40
    assert result.kept_epoch == int(np.argmin(losses)) + 1 == len(losses) - 2
    report = evaluate(small.train.labels[result.validation_indices], result.validation_probabilities)
    assert report.loss == pytest.approx(min(losses), abs=1e-4)
    assert result.stopped_after_batches is None


def test_a_stop_keeps_what_was_learned_and_says_so(small):
    reports = []
    result = train_network(
        small,
        NetworkSettings(epochs=30, batch_size=32),
        on_progress=reports.append,
        should_stop=lambda: len(reports[-1].rows) > 2 if reports else False,
    )
    assert result.stopped_after_batches is not None
    assert 2 * 50 <= result.stopped_after_batches <= 4 * 50
    assert len(result.history["loss"]) in {3, 4}
    assert result.validation_accuracy > result.untrained_accuracy


def test_a_stop_with_early_stopping_reports_the_weights_that_it_kept(small):
    reports = []
    settings = NetworkSettings(epochs=30, batch_size=16, hidden_units=(100,), learning_rate=0.02, patience=20)
    result = train_network(
        small,
        settings,
        on_progress=reports.append,
        should_stop=lambda: len(reports[-1].rows) > 4 if reports else False,
    )
    losses = result.history["val_loss"]
    assert result.stopped_after_batches is not None
    assert result.kept_epoch == int(np.argmin(losses)) + 1
    report = evaluate(small.train.labels[result.validation_indices], result.validation_probabilities)
    assert report.loss == pytest.approx(result.validation_loss, abs=1e-4)


def test_a_stop_before_anything_was_learned_keeps_nothing(small):
    with pytest.raises(Stopped):
        train_network(small, NetworkSettings(), should_stop=lambda: True)


def test_a_diverging_network_ends_without_an_error(small):
    result = train_network(small, NetworkSettings(**TINY, hidden_units=(50,), optimizer="sgd", learning_rate=1.0))
    assert len(result.history["loss"]) == 2


def test_the_file_to_take_home_is_plain_keras_and_gives_the_same_answers(small, tmp_path):
    import keras

    settings = NetworkSettings(**TINY, hidden_units=(20,), dropout=0.2)
    result = train_network(small, settings)
    (tmp_path / "model.keras").write_bytes(result.model)
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model) is keras.Sequential
    held_out = scale_and_flatten(small.train.images[result.validation_indices], np.float32)
    np.testing.assert_allclose(model.predict(held_out, verbose=0), result.validation_probabilities, atol=1e-5)
    lines = []
    model.summary(print_fn=lines.append)
    assert any("dense" in line for line in lines)


def test_the_file_to_take_home_has_the_trainings_schedule_and_no_room_for_empty_slots(small, tmp_path):
    """Found: Adam's slots, all zero, made it three times as large as the weights."""
    import keras

    settings = NetworkSettings(**TINY, hidden_units=(500,), optimizer="adam", schedule="warmup_cosine")
    result = train_network(small, settings)
    assert len(result.model) < 1.1 * result.weights.nbytes
    (tmp_path / "model.keras").write_bytes(result.model)
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model.optimizer) is keras.optimizers.Adam
    assert model.optimizer._learning_rate.decay_steps == 45, "2 epochs of 25 batches, a tenth of them to warm up"
    held_out = scale_and_flatten(small.train.images[result.validation_indices], np.float32)
    labels = small.train.labels[result.validation_indices]
    loss, accuracy = model.evaluate(held_out, labels, verbose=0)
    assert loss == pytest.approx(result.validation_loss, abs=2e-5)
    assert accuracy == pytest.approx(result.validation_accuracy, abs=1e-6)


def test_a_network_with_large_outputs_is_measured_in_smaller_portions():
    """2,000 pictures at once were 800 MB for one layer of 128 filters."""
    for settings in [*PRESETS.values(), NetworkSettings(hidden_units=(1024,) * 4)]:
        assert pictures_at_once(settings) == 2000, "the last digits of kept runs depend on it"
    assert pictures_at_once(NetworkSettings(convolution_filters=(128,))) == 500

    portions = []

    class Recorder:
        def predict_on_batch(self, pixels):
            portions.append(len(pixels))
            return np.zeros((len(pixels), 10), np.float32)

    pixels = np.zeros((1200, 784), np.float32)
    assert network._predict(Recorder(), NetworkSettings(convolution_filters=(128,)), pixels).shape == (1200, 10)
    assert portions == [500, 500, 200]


def test_first_layers_are_kept_epoch_by_epoch(small):
    result = train_network(small, NetworkSettings(**TINY))
    assert result.first_layer_by_epoch.shape == (3, 784, 10)
    assert result.validation_predictions_by_epoch.shape == (3, 400)
    np.testing.assert_allclose(result.first_layer_by_epoch[-1].ravel(), result.weights[:7840], atol=2e-3)
    model = build_model(NetworkSettings(**TINY))
    np.testing.assert_allclose(result.first_layer_by_epoch[0], model.get_weights()[0], atol=2e-3)


def test_of_a_large_first_layer_the_first_units_are_kept_epoch_by_epoch(small):
    result = train_network(small, NetworkSettings(epochs=1, batch_size=512, hidden_units=(256,)))
    assert result.first_layer_by_epoch.shape == (2, 784, 30)
    kernel = result.weights[: 784 * 256].reshape(784, 256)
    np.testing.assert_allclose(result.first_layer_by_epoch[-1], kernel[:, :30], atol=2e-3)
