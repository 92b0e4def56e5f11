"""One contract for every place where runs can lie: a folder, a bucket in memory, a bucket behind S3's protocol."""

import contextlib
import errno
import multiprocessing
import os
import signal
import uuid
from functools import partial

import numpy as np
import pytest

from fmnist_core import FMNISTError, RunStore
from fmnist_core.errors import RunDamaged, RunNotFound, StoreUnreachable
from fmnist_core.shelves import Bucket, Folder, open_shelf
from tests.core.test_runs import baseline_run

KINDS = ("folder", "memory", "s3")


@pytest.fixture(params=KINDS)
def address(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "runs")
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    request.getfixturevalue("s3")
    return f"s3://class/{uuid.uuid4().hex}"


@pytest.fixture
def shelf(address):
    return open_shelf(address)


def test_a_file_is_written_listed_read_changed_and_removed(shelf, address):
    assert shelf.stamps() == {}
    assert "a.zip" not in shelf
    shelf.write("a.zip", b"one")
    stamp = shelf.stamps()["a.zip"]
    assert stamp[1] == 3
    assert "a.zip" in shelf
    assert open_shelf(shelf.address).read("a.zip", 10) == b"one"
    shelf.write("a.zip", b"three")
    assert shelf.read("a.zip", 10) == b"three"
    with shelf.open("a.zip") as file:
        file.seek(2)
        assert file.read(2) == b"re"
    assert shelf.stamps()["a.zip"] != stamp
    shelf.remove("a.zip")
    shelf.remove("a.zip")
    assert shelf.stamps() == {}
    with pytest.raises(FileNotFoundError):
        shelf.read("a.zip", 10)


def test_what_is_too_large_is_not_read(shelf):
    shelf.write("a.zip", b"0123456789")
    assert shelf.read("a.zip", 10) == b"0123456789"
    with pytest.raises(ValueError):
        shelf.read("a.zip", 9)


def test_what_is_set_aside_is_out_of_sight_and_not_lost(shelf):
    assert shelf.aside() == []
    shelf.write("a.zip", b"bad")
    shelf.set_aside("a.zip")
    assert "a.zip" not in shelf.stamps()
    assert [name.startswith("a.zip.") for name in shelf.aside()] == [True]


def test_only_the_latest_that_were_set_aside_are_kept(shelf):
    for n in range(25):
        shelf.write(f"{n % 7}.zip", b"bad")
        shelf.set_aside(f"{n % 7}.zip")
    kept = sorted(shelf.aside(), key=lambda name: name.rpartition(".")[2])
    assert [name[:6] for name in kept] == [f"{n % 7}.zip." for n in range(5, 25)]


def test_a_store_keeps_its_promises_wherever_it_is(address):
    store, run = RunStore(address), baseline_run(1)
    assert store.records() == []
    store.publish(run)
    store.publish(run)
    loaded = RunStore(store.address).load(run.run_id)
    assert loaded.record == run.record
    np.testing.assert_array_equal(loaded.result.test_scores, run.result.test_scores)
    assert [record.run_id for record in store.records()] == [run.run_id]
    open_shelf(address).write(f"{run.run_id}.zip", b"half a run")
    with pytest.raises(RunDamaged):
        store.load(run.run_id)
    assert store.records() == []
    assert len(store.damaged) == 1
    with pytest.raises(RunNotFound, match="There is no run"):
        store.load(run.run_id)


def test_the_oldest_runs_leave_first_shared_ones_last_and_the_newest_never(address, monkeypatch):
    store = RunStore(address)
    runs = [baseline_run(n) for n in range(4)]
    for n, run in enumerate(runs):
        object.__setattr__(run.record, "created", f"2026-01-0{n + 1}T00:00:00+00:00")
        store.publish(run)
    size = max(size for _, size in open_shelf(address).stamps().values())
    store.share(runs[0].run_id)
    store.share("0123456789abcdef")  # not there: nothing is remembered
    open_shelf(address).write("backup.zip", bytes(10 * size))  # no run: it does not count, and stays
    assert store.make_room(4 * size) == []
    assert store.make_room(3 * size) == [runs[1].run_id]
    assert store.make_room(1) == [runs[2].run_id, runs[0].run_id]
    assert [record.run_id for record in store.records()] == [runs[3].run_id]
    assert set(open_shelf(address).stamps()) == {f"{runs[3].run_id}.zip", "backup.zip"}


def test_prepared_runs_are_shown_until_they_are_made_here_and_never_removed(address, tmp_path):
    prepared, own = baseline_run(1), baseline_run(2)
    RunStore(tmp_path / "prepared").publish(prepared)
    store = RunStore(address, prepared=tmp_path / "prepared")
    store.publish(own)
    assert {record.run_id for record in store.records()} == {prepared.run_id, own.run_id}
    assert store.load(prepared.run_id).record == prepared.record
    assert (store.is_prepared(prepared.run_id), store.is_prepared(own.run_id)) == (True, False)
    assert prepared.run_id in store
    store.make_room(1)
    assert prepared.run_id in store
    store.publish(prepared)
    assert not store.is_prepared(prepared.run_id)
    assert len(store.records()) == 2


def test_an_address_that_cannot_be_reached_is_named_with_the_mend(s3, tmp_path, monkeypatch):
    with pytest.raises(FMNISTError, match="nonsense://x, cannot be reached"):
        open_shelf("nonsense://x")
    store = RunStore("s3://class/lost")
    assert isinstance(store._shelf, Bucket)
    with monkeypatch.context() as patch:
        patch.setattr(store._shelf._files, "pipe_file", lambda *_: 1 / 0)
        with pytest.raises(FMNISTError, match=r"s3://class/lost \(ZeroDivisionError.*FMNIST_RUNS"):
            store.publish(baseline_run(1))
    assert isinstance(open_shelf(tmp_path), Folder)
    assert isinstance(open_shelf("memory://x"), Bucket)


def test_a_bucket_that_does_not_answer_gets_a_sentence(monkeypatch, tmp_path):
    RunStore(tmp_path).publish(baseline_run(1))
    store = RunStore(f"memory://{uuid.uuid4().hex}", prepared=tmp_path)
    store.publish(baseline_run(2))
    assert isinstance(store._shelf, Bucket)
    run_ids = [baseline_run(n).run_id for n in (1, 2)]

    def refuse(*_args, **_kwargs):
        raise ConnectionResetError(104, "Connection reset by peer")

    for name in ("info", "ls", "cat_file", "open", "pipe_file"):
        monkeypatch.setattr(store._shelf._files, name, refuse)
    looks = [store.records, lambda: store.damaged, lambda: store.is_prepared(run_ids[0])]
    for run_id in run_ids:
        looks += [partial(store.__contains__, run_id), partial(store.load, run_id)]
    for look in looks:
        with pytest.raises(StoreUnreachable, match=r"memory://.* just now \(Connection reset by peer\)") as told:
            look()
        assert isinstance(told.value, FMNISTError)
    store.share(run_ids[1])
    assert store.make_room(1) == []


def test_one_file_that_cannot_be_read_just_now_hides_no_other_and_comes_back(monkeypatch):
    store = RunStore(f"memory://{uuid.uuid4().hex}")
    lost, other = baseline_run(1), baseline_run(2)
    store.publish(lost)
    store.publish(other)
    assert isinstance(store._shelf, Bucket)
    files = store._shelf._files

    def refusing(read):
        def read_another(path, *args, **kwargs):
            if lost.run_id in path:
                raise TimeoutError(110, "Connection timed out")
            return read(path, *args, **kwargs)

        return read_another

    with monkeypatch.context() as patch:
        for name in ("open", "cat_file"):
            patch.setattr(files, name, refusing(getattr(files, name)))
        assert [record.run_id for record in store.records()] == [other.run_id]
    assert {record.run_id for record in store.records()} == {lost.run_id, other.run_id}
    assert not store.damaged


# Every operation by which a folder could lose something, and the error of a full or a broken disk at it.
OPERATIONS = ("builtins.open", "os.fsync", "os.replace", "os.open", "pathlib.Path.mkdir")


def _check_that_a_failure_is_told(folder, operation, failing, reason, monkeypatch):
    """What was there stays as it was, and the sentence says what to do."""
    earlier, run = baseline_run(1), baseline_run(2)
    RunStore(folder).publish(earlier)
    with monkeypatch.context() as patch, pytest.raises(FMNISTError) as told:
        patch.setattr(operation, failing)
        RunStore(folder).publish(run)
    if operation == "pathlib.Path.mkdir":
        mend = "Name another one with FMNIST_RUNS."
        assert str(told.value) == f"The folder for finished runs, {folder}, cannot be made ({reason}). {mend}"
    else:
        mend = "Make room there, or name another place with FMNIST_RUNS, and run it again."
        assert str(told.value) == f"The run {run.run_id} could not be kept in {folder} ({reason}). {mend}"
    store = RunStore(folder)
    seen = {record.run_id for record in store.records()}
    # The rename is done when only the folder's own fsync fails: the run is whole, and there or not.
    assert {earlier.run_id} <= seen <= {earlier.run_id, run.run_id}
    assert all(store.load(run_id).run_id == run_id for run_id in seen)
    assert not list(folder.glob(".*.tmp"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_error_at_any_operation_harms_no_earlier_run_and_is_told(tmp_path, monkeypatch, operation, code):
    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    _check_that_a_failure_is_told(tmp_path, operation, fail, os.strerror(code), monkeypatch)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux alone has a file that is always full")
def test_a_disk_that_fills_up_while_a_run_is_written_harms_no_earlier_run_and_is_told(tmp_path, monkeypatch):
    real_open, reason = open, os.strerror(errno.ENOSPC)

    def open_on_a_full_disk(path, mode):
        path.symlink_to("/dev/full")
        return real_open(path, mode.replace("x", "w"))

    _check_that_a_failure_is_told(tmp_path, "builtins.open", open_on_a_full_disk, reason, monkeypatch)


def _publish_until_killed(folder, first_seed, told):
    """Publish run after run, and tell of each as soon as `publish` has returned."""
    store = RunStore(folder)
    runs = [baseline_run(seed) for seed in range(first_seed, first_seed + 8)]
    told.send("ready")
    for run in runs:
        store.publish(run)
        told.send(run.run_id)


def test_a_writer_killed_at_random_moments_loses_nothing_that_it_published(tmp_path):
    """`FMNIST_KILLS` sets how often; `make soak` takes 1,000."""
    lot = np.random.default_rng(0)
    forks = multiprocessing.get_context("forkserver")  # a process of its own each time, imported once
    forks.set_forkserver_preload([__name__])
    published = set()
    for n in range(int(os.environ.get("FMNIST_KILLS", "20"))):
        heard, told = forks.Pipe(duplex=False)
        writer = forks.Process(target=_publish_until_killed, args=(tmp_path, 1000 + 8 * n, told))
        writer.start()
        told.close()
        assert heard.recv() == "ready"
        writer.join(lot.uniform(0, 0.02))  # seconds: a publication takes a few milliseconds
        writer.kill()
        with contextlib.suppress(EOFError):
            while True:
                published.add(heard.recv())
        writer.join()
        assert writer.exitcode in (0, -signal.SIGKILL)
    store = RunStore(tmp_path)
    kept = {record.run_id for record in store.records()}
    assert published <= kept
    assert not store.damaged
    assert all(store.load(run_id).run_id == run_id for run_id in kept)
