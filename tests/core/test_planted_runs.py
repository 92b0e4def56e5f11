"""Runs that a stranger has planted: every checksum is right, and yet nothing of them may be shown or executed."""

import hashlib
import io
import json
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fmnist_core import BaselineSettings, NetworkSettings, Run, RunStore, train_network
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.errors import RunDamaged
from fmnist_core.network import restore_model
from tests import examples
from tests.core.test_runs import baseline_run

SETTINGS = NetworkSettings(epochs=2, validation_share=0.05)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture(scope="module")
def network_run(dataset):
    return examples.network_run(dataset, SETTINGS)


def npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def plant(store, run, change=lambda manifest: None, members=None):
    """Publish `run`, alter its manifest and its members, and sign all of it again."""
    store.publish(run)
    path = Path(store.address, f"{run.run_id}.zip")
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(contents.pop("manifest.json"))
    del contents["manifest.sha256"]
    contents |= members or {}
    manifest["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    change(manifest)
    contents["manifest.json"] = json.dumps(manifest).encode()
    contents["manifest.sha256"] = hashlib.sha256(contents["manifest.json"]).hexdigest().encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def is_refused(store, run):
    with pytest.raises(RunDamaged, match=run.run_id):
        store.load(run.run_id)
    assert store.records() == []
    assert store.make_room(1) == []
    return len(store.damaged) == 1


STOPPED = [
    NetworkSettings(epochs=3, batch_size=512, validation_share=0.05),
    NetworkSettings(convolution_filters=(8,), batch_normalization=True, hidden_units=(40,), batch_size=512),
    NetworkSettings(hidden_units=(50,), optimizer="sgd", learning_rate=1.0, batch_size=512, patience=1),
]


@pytest.mark.parametrize("settings", STOPPED, ids=["lesson", "convolution", "diverging"])
def test_what_a_training_leaves_behind_comes_back(store, dataset, settings):
    reports = []
    result = train_network(dataset, settings, on_progress=reports.append, should_stop=lambda: len(reports) > 3)
    run = Run.of(settings, DATA_DIGEST, result, 1.0)
    store.publish(run)
    assert store.load(run.run_id).record == run.record
    assert [record.run_id for record in store.records()] == [run.run_id]


def test_what_a_full_training_and_a_baseline_leave_behind_comes_back(store, real_network, real_baseline):
    for settings, result in (
        (NetworkSettings(epochs=1, batch_size=512), real_network),
        (BaselineSettings(max_iter=1, folds=2), real_baseline),
    ):
        run = Run.of(settings, DATA_DIGEST, result, 1.0)
        store.publish(run)
        assert store.load(run.run_id).record == run.record


def test_what_was_only_signed_again_is_shown(store, network_run):
    """So that the tests below are about what they change."""
    for run in (network_run, baseline_run()):
        plant(store, run)
        assert store.load(run.run_id).record == run.record


@pytest.mark.parametrize(
    "record",
    [
        {"created": 5},
        {"created": "yesterday"},
        {"created": "2026-11-24T20:02:24"},
        {"created": "20261124T200224+00:00"},
        {"headline": {}},
        {"headline": "good"},
        {"headline": {"accuracy": "1", "loss": None, "n_pictures": 3000, "n_parameters": 7850}},
        {"headline": {"accuracy": 0.8, "loss": None, "n_pictures": 0, "n_parameters": 7850}},
        {"headline": {"accuracy": 1.8, "loss": None, "n_pictures": 3000, "n_parameters": 7850}},
        {"headline": {"accuracy": float("nan"), "loss": None, "n_pictures": 3000, "n_parameters": 7850}},
        {"headline": {"accuracy": 0.8, "loss": [], "n_pictures": 10**400, "n_parameters": 7850}},
        {"seconds": float("nan")},
        {"seconds": "3"},
        {"stopped_after": "never"},
        {"versions": []},
        {"versions": {"numpy": 2}},
        {"machine": None},
        {"machine": "m" * 10_000},
        {"data_digest": {}},
        {"engine_version": 1},
        {"engine_version": "2"},
        {"settings": {"epochs": 2000}},
        {"settings": []},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_record_that_no_store_wrote_is_not_even_listed(store, network_run, record):
    plant(store, network_run, lambda manifest: manifest["record"].update(record))
    assert store.records() == []
    assert store.make_room(1) == []
    with pytest.raises(RunDamaged):
        plant(store, network_run, lambda manifest: manifest["record"].update(record))
        store.load(network_run.run_id)


@pytest.mark.parametrize(
    "manifest",
    [{}, {"kind": "network"}, {"kind": [], "record": {}}, {"kind": "network", "record": []}],
    ids=str,
)
def test_a_manifest_that_is_none_is_not_even_listed(store, network_run, manifest):
    def replace(old):
        old.clear()
        old.update(manifest)

    plant(store, network_run, replace)
    assert store.records() == []
    assert len(store.damaged) == 1


@pytest.mark.parametrize(
    "result",
    [
        {"history": "x"},
        {"history": {}},
        {"history": {"loss": 1, "accuracy": 1, "val_loss": 1, "val_accuracy": 1}},
        {"history": {"loss": [0.1], "accuracy": [0.1] * 2, "val_loss": [0.1] * 2, "val_accuracy": [0.1] * 2}},
        {"history": {name: [0.1] * 3 for name in ("loss", "accuracy", "val_loss", "val_accuracy")}},
        {"history": {name: ["0.1"] * 2 for name in ("loss", "accuracy", "val_loss", "val_accuracy")}},
        {"history": {name: [] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}},
        {"epoch_seconds": [0.1]},
        {"epoch_seconds": [-1.0, 1.0]},
        {"n_parameters": 7851},
        {"validation_accuracy": 0.99},
        {"validation_loss": None},
        {"validation_loss": float("nan")},
        {"untrained_loss": "2.3"},
        {"untrained_accuracy": 2.0},
        {"kept_epoch": 3},
        {"kept_epoch": 1.5},
        {"stopped_after_batches": 100},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_result_that_no_training_has_is_not_shown(store, network_run, result):
    plant(store, network_run, lambda manifest: manifest["result"].update(result))
    assert is_refused(store, network_run)


def test_a_list_where_an_array_belongs_is_not_shown(store, network_run):
    def replace(manifest):
        del manifest["members"]["weights.npy"]
        manifest["result"]["weights"] = [0.0] * 7850

    plant(store, network_run, replace)
    assert is_refused(store, network_run)


def test_a_headline_of_another_result_is_not_shown(store, network_run):
    plant(store, network_run, lambda manifest: manifest["record"]["headline"].update(accuracy=0.9999))
    assert is_refused(store, network_run)


N = 3000  # validation pictures


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("validation_indices", np.zeros(N, np.int64)),
        ("validation_indices", np.full(N, 60_000, np.int32)),
        ("validation_indices", np.full(N, -1, np.int32)),
        ("validation_indices", np.zeros((N, 1), np.int32)),
        ("validation_indices", np.zeros(N - 1, np.int32)),
        ("validation_indices", np.zeros((), np.int32)),
        ("validation_probabilities", np.full((N, 10), 2, np.float32)),
        ("validation_probabilities", np.zeros((N, 9), np.float32)),
        ("test_probabilities", np.zeros((N, 10), np.float32)),
        ("validation_predictions_by_epoch", np.full((3, N), 10, np.uint8)),
        ("validation_predictions_by_epoch", np.zeros((2, N), np.uint8)),
        ("first_layer_by_epoch", np.zeros((3, 3, 3, 1, 8), np.float16)),
        ("first_layer_by_epoch", np.zeros((3, 784, 0), np.float16)),
        ("first_layer_by_epoch", np.zeros((3, 784, 10), np.float32)),
        ("weights", np.zeros(7849, np.float32)),
        ("weights", np.zeros(7850, ">f4")),
        ("weights", np.zeros(7850, "S4")),
        ("weights", np.zeros(7850, [("a", "f4")])),
    ],
)
def test_an_array_of_another_form_is_not_shown(store, network_run, name, array):
    plant(store, network_run, members={f"{name}.npy": npy(array)})
    assert is_refused(store, network_run)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("fold_of", np.full(60_000, 2, np.uint8)),
        ("out_of_fold_scores", np.full((60_000, 10), np.nan, np.float32)),
        ("coefficients", np.full((10, 784), np.inf, np.float32)),
        ("coefficients", np.asfortranarray(np.zeros((10, 784), np.float32))),
        ("intercepts", np.zeros(11, np.float32)),
    ],
)
def test_an_array_that_no_baseline_has_is_not_shown(store, name, array):
    plant(store, baseline_run(), members={f"{name}.npy": npy(array)})
    assert is_refused(store, baseline_run())


def test_a_network_that_diverged_is_shown(store, network_run):
    broken = {
        "weights.npy": npy(np.full(7850, np.nan, np.float32)),
        "validation_probabilities.npy": npy(np.full((N, 10), np.nan, np.float32)),
    }

    def diverge(manifest):
        manifest["result"]["history"]["val_loss"] = [float("nan")] * 2
        manifest["result"]["validation_loss"] = float("nan")
        manifest["record"]["headline"]["loss"] = float("nan")

    plant(store, network_run, diverge, broken)
    assert np.isnan(store.load(network_run.run_id).result.weights).all()
    assert len(store.records()) == 1


def test_a_header_that_claims_too_much_takes_no_memory(store, network_run):
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(header, claim)
    plant(store, network_run, members={"weights.npy": header.getvalue() + bytes(4 * 7850)})
    assert is_refused(store, network_run)


def test_an_array_in_another_version_of_numpys_format_is_not_shown(store, network_run):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.zeros(7850, np.float32), version=(2, 0))
    plant(store, network_run, members={"weights.npy": buffer.getvalue()})
    assert is_refused(store, network_run)


class Bomb:
    """What unpickles it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_pickles_are_never_read(store, network_run, tmp_path):
    bomb = pickle.dumps(Bomb(str(tmp_path / "exploded")))
    hostile = io.BytesIO()
    np.lib.format.write_array_header_1_0(hostile, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    hostile.write(bomb)
    for members in ({"weights.npy": hostile.getvalue()}, {"weights.npy": bomb}, {"weights.pkl": bomb}):
        plant(store, network_run, members=members)
        with pytest.raises(RunDamaged):
            store.load(network_run.run_id)
    assert not (tmp_path / "exploded").exists()


def test_a_model_file_that_holds_a_program_is_never_loaded(store, network_run, tmp_path):
    """A Lambda layer makes a folder whenever Keras loads it; `load`, and all that is rebuilt, must not."""
    import keras

    folder, file = str(tmp_path / "exploded"), tmp_path / "model.keras"

    # Of a lambda Keras keeps the program itself, of a named function only the name.
    explode = keras.layers.Lambda(lambda x: (__import__("os").makedirs(folder, exist_ok=True), x)[1])
    keras.Sequential([keras.layers.Input((784,)), explode]).save(file)
    os.rmdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.saving.load_model(file, safe_mode=False)
    os.rmdir(folder)  # it was made: the bomb is a real one
    plant(store, network_run, members={"model.bin": file.read_bytes()})
    run = store.load(network_run.run_id)
    assert run.result.model == file.read_bytes()
    restore_model(run.settings, run.result.weights)
    assert store.records()
    assert not os.path.exists(folder)
