import dataclasses
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from fmnist_core import BaselineResult, BaselineSettings, FMNISTError, NetworkSettings, Run, RunStore
from fmnist_core.errors import RunDamaged, RunNotFound
from fmnist_core.runs import identify

DIGEST = "d" * 64


def baseline_run(seed=42):
    """A small run of the right form; its figures are drawn by lot."""
    random = np.random.default_rng(seed)
    result = BaselineResult(
        fold_accuracies=[0.81, 0.82],
        fold_seconds=[1.0, 1.1],
        fold_iterations=[5, 5],
        loss_name="log_loss",
        final_seconds=1.2,
        log_loss=0.5,
        fold_of=random.integers(0, 2, 60).astype(np.uint8),
        out_of_fold_scores=random.normal(size=(60, 10)).astype(np.float32),
        test_scores=random.normal(size=(10, 10)).astype(np.float32),
        coefficients=random.normal(size=(10, 784)).astype(np.float32),
        intercepts=random.normal(size=10).astype(np.float32),
    )
    return Run.of(BaselineSettings(folds=2, seed=seed), DIGEST, result, seconds=3.3)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def path_of(store, run):
    return store.directory / f"{run.run_id}.zip"


def test_a_run_comes_back_as_it_went_in(store):
    run = baseline_run()
    store.publish(run)
    loaded = RunStore(store.directory).load(run.run_id)
    assert loaded.record == run.record
    for field in dataclasses.fields(run.result):
        before, after = getattr(run.result, field.name), getattr(loaded.result, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)
            assert before.dtype == after.dtype
            assert not after.flags.writeable
        else:
            assert before == after


def test_the_address_depends_on_everything_that_decides_the_figures():
    settings = NetworkSettings()
    addresses = {
        identify(settings, DIGEST),
        identify(NetworkSettings(seed=43), DIGEST),
        identify(BaselineSettings(), DIGEST),
        identify(settings, "e" * 64),
        identify(settings, DIGEST, stopped_after=1500),
    }
    assert len(addresses) == 5
    assert identify(NetworkSettings(epochs=5), DIGEST) == identify(settings, DIGEST)


def test_the_address_is_the_same_in_another_process():
    imports = "from fmnist_core import NetworkSettings; from fmnist_core.runs import identify"
    code = f"{imports}; print(identify(NetworkSettings(), {DIGEST!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == identify(NetworkSettings(), DIGEST)


def test_anybody_can_read_a_run_with_a_zip_program_and_numpy(store, tmp_path):
    run = baseline_run()
    store.publish(run)
    with zipfile.ZipFile(path_of(store, run)) as archive:
        archive.extractall(tmp_path / "unpacked")
    scores = np.load(tmp_path / "unpacked" / "out_of_fold_scores.npy", allow_pickle=False)
    np.testing.assert_array_equal(scores, run.result.out_of_fold_scores)
    manifest = json.loads((tmp_path / "unpacked" / "manifest.json").read_text())
    assert manifest["record"]["headline"]["accuracy"] == run.result.mean_accuracy


def test_records_are_listed_newest_first_and_follow_the_folder(store):
    assert store.records() == []
    first, second = baseline_run(1), baseline_run(2)
    store.publish(first)
    later = dataclasses.replace(second.record, created="2999-01-01T00:00:00+00:00")
    store.publish(Run(later, second.result))
    assert [record.run_id for record in store.records()] == [second.run_id, first.run_id]
    path_of(store, first).unlink()
    assert [record.run_id for record in store.records()] == [second.run_id]


def test_publishing_twice_leaves_one_whole_run(store):
    run = baseline_run()
    store.publish(run)
    store.publish(run)
    assert [path.name for path in store.directory.iterdir()] == [f"{run.run_id}.zip"]
    assert store.load(run.run_id).record == run.record


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "0",
        "../../etc/passwd",
        "0123456789abcdeF",
        "0123456789abcde\n",
        "0123456789abcdef/..",
        "a" * 17,
        "\0" * 16,
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(store, run_id):
    assert run_id not in store
    with pytest.raises(RunNotFound, match="16 digits"):
        store.load(run_id)


def test_an_unknown_run_is_not_found(store):
    with pytest.raises(RunNotFound, match="There is no run 0123456789abcdef here"):
        store.load("0123456789abcdef")


def damages(content):
    """200 ways in which a file can go bad, drawn by lot but always the same ones."""
    random = np.random.default_rng(0)
    yield b""
    yield b"PK\x05\x06" + bytes(18)
    yield content + content
    for _ in range(100):
        at = int(random.integers(len(content)))
        flipped = bytearray(content)
        flipped[at] ^= 1 << int(random.integers(8))
        yield bytes(flipped)
    for _ in range(97):
        yield content[: int(random.integers(len(content)))]


def test_a_damaged_run_is_set_aside_reported_and_never_shown(store):
    run = baseline_run()
    store.publish(run)
    content = path_of(store, run).read_bytes()
    n_damaged = 0
    for damaged in damages(content):
        path_of(store, run).write_bytes(damaged)
        try:
            loaded = store.load(run.run_id)
        except RunDamaged as error:
            n_damaged += 1
            assert run.run_id in str(error)
            assert not path_of(store, run).exists()
        else:  # a flip in what zip itself does not use: every byte of the run was verified all the same
            assert loaded.record == run.record
            np.testing.assert_array_equal(loaded.result.test_scores, run.result.test_scores)
    assert n_damaged > 180
    assert len(list((store.directory / "damaged").iterdir())) == n_damaged
    assert store.damaged
    assert store.records() == []
    store.publish(run)
    assert store.load(run.run_id).record == run.record


def test_one_damaged_run_does_not_hide_the_others(store):
    whole, broken = baseline_run(1), baseline_run(2)
    store.publish(whole)
    path_of(store, broken).write_bytes(b"not a zip")
    assert [record.run_id for record in store.records()] == [whole.run_id]


def test_a_run_under_another_runs_name_is_not_shown(store):
    one, other = baseline_run(1), baseline_run(2)
    store.publish(one)
    os.replace(path_of(store, one), path_of(store, other))
    with pytest.raises(RunDamaged, match="other settings"):
        store.load(other.run_id)


def test_pickles_are_never_read(store, tmp_path):
    """An object array inside an otherwise perfect run, with matching checksums."""
    import hashlib
    import io
    import pickle

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    run = baseline_run()
    store.publish(run)
    with zipfile.ZipFile(path_of(store, run)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    hostile = io.BytesIO()
    np.lib.format.write_array_header_1_0(hostile, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    hostile.write(pickle.dumps(Bomb()))
    members["test_scores.npy"] = hostile.getvalue()
    manifest = json.loads(members["manifest.json"])
    manifest["members"]["test_scores.npy"] = hashlib.sha256(hostile.getvalue()).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    members["manifest.sha256"] = hashlib.sha256(members["manifest.json"]).hexdigest().encode()
    with zipfile.ZipFile(path_of(store, run), "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(RunDamaged):
        store.load(run.run_id)
    assert not (tmp_path / "exploded").exists()


def test_a_symbolic_link_is_not_followed(store, tmp_path):
    run = baseline_run()
    store.publish(run)
    outside = tmp_path / "outside.zip"
    os.replace(path_of(store, run), outside)
    path_of(store, run).symlink_to(outside)
    with pytest.raises(RunDamaged, match="not read"):
        store.load(run.run_id)


@pytest.mark.parametrize("operation", ["open", "fsync", "replace"])
def test_a_full_disk_leaves_earlier_runs_unharmed_and_says_so(store, monkeypatch, operation):
    earlier, run = baseline_run(1), baseline_run(2)
    store.publish(earlier)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if operation == "open":
            patch.setattr("builtins.open", full)
        else:
            patch.setattr(os, operation, full)
        with pytest.raises(FMNISTError, match="No space left on device"):
            store.publish(run)
    assert [record.run_id for record in store.records()] == [earlier.run_id]
    assert not list(store.directory.glob(".*.tmp"))


def test_a_folder_that_cannot_be_made_is_named_with_the_mend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FMNISTError, match="FMNIST_RUNS"):
        RunStore(tmp_path / "file" / "runs")


def test_what_a_killed_writer_left_is_swept_away_and_a_young_one_is_kept(tmp_path):
    old, young = tmp_path / ".a.tmp", tmp_path / ".b.tmp"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (1, 1))
    store = RunStore(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)
    assert store.records() == []


KILLED_WRITER = """
import os, sys
from tests.core.test_runs import baseline_run
from fmnist_core import RunStore
step, folder = sys.argv[1:]
store = RunStore(folder)
store.publish(baseline_run(1))
real = getattr(os, step.split("-")[1])
def dying(*args, **kwargs):
    if step.startswith("after"):
        real(*args, **kwargs)
    os._exit(9)
setattr(os, step.split("-")[1], dying)
store.publish(baseline_run(2))
"""


@pytest.mark.parametrize("step", ["before-fsync", "after-fsync", "before-replace", "after-replace"])
def test_a_writer_killed_at_any_step_leaves_a_whole_run_or_none(tmp_path, step):
    killed = subprocess.run([sys.executable, "-c", KILLED_WRITER, step, str(tmp_path)], check=False)
    assert killed.returncode == 9
    store = RunStore(tmp_path)
    expected = {baseline_run(1).run_id} | ({baseline_run(2).run_id} if step == "after-replace" else set())
    assert {record.run_id for record in store.records()} == expected
    assert not store.damaged
