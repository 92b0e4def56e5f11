import dataclasses
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fmnist_core import BaselineResult, BaselineSettings, FMNISTError, NetworkSettings, Run, RunStore, run_file, runs
from fmnist_core.errors import RunDamaged, RunNotFound, StoreUnreachable
from fmnist_core.runs import identify

DIGEST = "d" * 64


def baseline_run(seed=42):
    """A run of the right form that packs well; its figures are drawn by lot."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(50, 10)).astype(np.float32)
    result = BaselineResult(
        fold_accuracies=[0.81, 0.82],
        fold_seconds=[1.0, 1.1],
        fold_iterations=[5, 5],
        loss_name="log_loss",
        final_seconds=1.2,
        log_loss=0.5,
        fold_of=np.tile(np.arange(2, dtype=np.uint8), 30_000),
        out_of_fold_scores=np.tile(scores, (1200, 1)),
        test_scores=np.tile(scores, (200, 1)),
        coefficients=random.normal(size=(10, 784)).astype(np.float32),
        intercepts=random.normal(size=10).astype(np.float32),
    )
    return Run.of(BaselineSettings(folds=2, seed=seed), DIGEST, result, seconds=3.3)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def path_of(store, run):
    return Path(store.address, f"{run.run_id}.zip")


def test_a_run_comes_back_as_it_went_in(store):
    run = baseline_run()
    store.publish(run)
    loaded = RunStore(store.address).load(run.run_id)
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
    assert [path.name for path in Path(store.address).iterdir()] == [f"{run.run_id}.zip"]
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
    assert len(store.damaged) == 20, "the latest are kept, and the disk is not filled"
    assert store.records() == []
    store.publish(run)
    assert store.load(run.run_id).record == run.record


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        ("manifest.json", "its manifest does not match its checksum"),
        ("intercepts.npy", "intercepts.npy does not match its checksum"),
    ],
)
def test_what_was_changed_in_a_zip_that_is_sound_is_noticed(store, member, sentence):
    run = baseline_run()
    store.publish(run)
    with zipfile.ZipFile(path_of(store, run)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] += b" "
    with zipfile.ZipFile(path_of(store, run), "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(RunDamaged, match=sentence):
        store.load(run.run_id)


def test_a_run_that_would_fill_the_memory_is_not_unpacked(store, monkeypatch):
    run = baseline_run()
    store.publish(run)
    monkeypatch.setattr(run_file, "LARGEST_RUN", 2**20)
    with pytest.raises(RunDamaged, match="it unpacks to more than a run can hold"):
        store.load(run.run_id)


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


def test_a_symbolic_link_is_not_followed(store, tmp_path):
    run = baseline_run()
    store.publish(run)
    outside = tmp_path / "outside.zip"
    os.replace(path_of(store, run), outside)
    path_of(store, run).symlink_to(outside)
    with pytest.raises(RunDamaged, match="not read"):
        store.load(run.run_id)


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


def test_a_run_that_could_not_be_read_again_is_not_published(store, monkeypatch):
    earlier, run = baseline_run(1), baseline_run(2)
    store.publish(earlier)
    monkeypatch.setattr(run_file, "LARGEST_RUN", 3 * 2**20)
    with pytest.raises(FMNISTError, match=r"takes 3 MB, and at most 3 MB can be kept. Choose a smaller network"):
        store.publish(run)
    monkeypatch.undo()
    assert [record.run_id for record in store.records()] == [earlier.run_id]


def test_a_run_of_an_earlier_engine_stays_what_it_was(store, monkeypatch):
    run = baseline_run()
    store.publish(run)
    monkeypatch.setattr(runs, "ENGINE_VERSION", "2")
    newer = RunStore(store.address)
    assert [record.run_id for record in newer.records()] == [run.run_id]
    assert newer.load(run.run_id).record == run.record
    assert not newer.damaged
    assert identify(run.settings, DIGEST) != run.run_id, "it does not answer for the settings of today"


def rewritten(path, change):
    """The file's content with another manifest, signed; `change` gets the manifest and alters it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    members["manifest.json"] = json.dumps(manifest).encode()
    members["manifest.sha256"] = hashlib.sha256(members["manifest.json"]).hexdigest().encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def with_other_settings(store, run, change):
    """A run whose manifest has other settings than this release writes; its run id."""
    store.publish(run)
    settings = run.settings.to_dict()
    change(settings)
    identity = ["baseline", settings, DIGEST, "1", None]
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    run_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    content = rewritten(
        path_of(store, run), lambda manifest: manifest["record"].update(settings=settings, run_id=run_id)
    )
    path_of(store, run).unlink()
    Path(store.address, f"{run_id}.zip").write_bytes(content)
    return run_id


def test_a_run_from_before_a_setting_was_added_takes_its_default(store):
    run = baseline_run(3)
    run_id = with_other_settings(store, run, lambda settings: settings.pop("scaling"))
    assert run_id != run.run_id
    assert [record.run_id for record in store.records()] == [run_id]
    assert store.load(run_id).settings == run.settings
    assert not store.damaged


def test_a_run_of_a_later_release_is_not_shown_and_left_where_it_is(store, caplog):
    run_id = with_other_settings(store, baseline_run(3), lambda settings: settings.update(colours=True))
    for _ in range(3):
        assert store.records() == []
    assert len(caplog.messages) == 1
    with pytest.raises(RunDamaged, match="There is no setting 'colours'"):
        store.load(run_id)
    assert run_id in store


def test_nothing_in_the_prepared_folder_is_ever_changed(tmp_path, caplog):
    prepared = RunStore(tmp_path / "prepared")
    whole, broken = baseline_run(1), baseline_run(2)
    prepared.publish(whole)
    path_of(prepared, broken).write_bytes(b"not a zip")
    leftover = tmp_path / "prepared" / ".a.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (1, 1))
    before = sorted(path.name for path in (tmp_path / "prepared").iterdir())
    store = RunStore(tmp_path / "runs", prepared=tmp_path / "prepared")
    for _ in range(3):
        assert [record.run_id for record in store.records()] == [whole.run_id]
    assert sum(broken.run_id in message for message in caplog.messages) <= 2, "what is damaged is told once"
    with pytest.raises(RunDamaged, match="Its file stays where it is; run it again"):
        store.load(broken.run_id)
    with pytest.raises(FMNISTError, match="Read-only"):
        RunStore(tmp_path / "prepared", read_only=True).publish(broken)
    assert sorted(path.name for path in (tmp_path / "prepared").iterdir()) == before


def test_a_list_reads_only_manifests_and_of_each_file_once(store, monkeypatch):
    first, second = baseline_run(1), baseline_run(2)
    store.publish(first)
    store.publish(second)
    opened = []
    open_file = store._shelf.open

    def open_and_note(name):
        opened.append(name)
        return open_file(name)

    monkeypatch.setattr(store._shelf, "open", open_and_note)
    monkeypatch.setattr(store._shelf, "read", lambda *_: pytest.fail("a whole run was read"))
    for _ in range(3):
        assert {record.run_id for record in store.records()} == {first.run_id, second.run_id}
    assert len(opened) == 2
    path_of(store, first).unlink()
    assert [record.run_id for record in store.records()] == [second.run_id]
    assert list(store._seen) == [second.run_id]


def test_a_manifest_that_would_fill_the_memory_is_not_read(store, monkeypatch):
    run = baseline_run()
    store.publish(run)
    path_of(store, run).write_bytes(
        rewritten(path_of(store, run), lambda manifest: manifest.update(padding=[[]] * 2**19))
    )
    monkeypatch.setattr(json, "loads", lambda _: pytest.fail("the JSON was read"))
    assert store.records() == []
    assert len(store.damaged) == 1


def test_a_pipe_under_a_runs_name_lets_nobody_wait(store):
    run = baseline_run()
    os.mkfifo(path_of(store, run))
    assert run.run_id not in store
    assert store.records() == []
    with pytest.raises(RunDamaged, match="not read"):
        store.load(run.run_id)


def test_a_folder_that_is_gone_gets_a_sentence(store):
    Path(store.address).rmdir()
    with pytest.raises(StoreUnreachable, match=r"cannot be reached just now \(No such file or directory\)"):
        store.records()
    assert store.make_room(1) == []
