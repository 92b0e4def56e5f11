"""More than one machine, shown with several processes of one: a TLS cluster, and a bucket that all of them reach."""

import os
import re
import socket
import ssl
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import dask
import numpy as np
import psutil
import pytest
import trustme
from distributed import Client, LocalCluster, get_task_stream
from distributed.security import Security

from fmnist_core import (
    BaselineSettings,
    FMNISTError,
    JobQueue,
    JobRefused,
    JobState,
    NetworkSettings,
    RunStore,
    load_dataset,
    run_baseline,
)
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from tests.core.test_jobs import wait_for
from tests.core.test_runs import baseline_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
N_TRAININGS = int(os.environ.get("FMNIST_TRAININGS", "4"))  # `make soak` takes 20
NO_PAGE = "--dashboard-address=127.0.0.1:0"  # `--no-dashboard` would leave a page on every interface
PATIENCE = 300 + 30 * N_TRAININGS  # seconds; a loaded machine is slow, which is no failure


class Certificate(NamedTuple):
    """The files of who shows a certificate, and by which authority's signature others are known."""

    authority: str
    own: str
    key: str

    @property
    def options(self):
        return [f"--tls-ca-file={self.authority}", f"--tls-cert={self.own}", f"--tls-key={self.key}"]


def _certificate(folder, authority, known_by):
    issued = authority.issue_cert("localhost", "127.0.0.1")
    paths = [folder / f"{uuid.uuid4().hex}.pem" for _ in range(3)]
    known_by.cert_pem.write_to_path(paths[0])
    for blob in issued.cert_chain_pems:
        blob.write_to_path(paths[1], append=True)
    issued.private_key_pem.write_to_path(paths[2])
    return Certificate(*map(str, paths))


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(tmp_path, authority):
    """What everybody of this cluster shows."""
    return _certificate(tmp_path, authority, known_by=authority)


@pytest.fixture
def foreign(tmp_path, authority):
    """Signed by somebody else; its owner trusts our scheduler all the same."""
    return _certificate(tmp_path, trustme.CA(), known_by=authority)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start():
    """Start a scheduler or a worker by Dask's own command, in a clone of this project."""
    processes = []

    def start_one(*command):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=ROOT,
            env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "error", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def bucket(s3):
    """A bucket that keeps every version of every object: what was written twice has two."""
    name = f"class-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def _n_written(s3, bucket):
    """How often each file was written into the bucket since it was made."""
    listing = s3.list_object_versions(Bucket=bucket)
    assert not listing["IsTruncated"]
    assert not listing.get("DeleteMarkers")
    return Counter(version["Key"] for version in listing["Versions"])


def _check_that_folds_are_spread(queue, store):
    settings = BaselineSettings(folds=4, max_iter=1)
    with get_task_stream(client=queue._client) as stream:
        run_id = queue.submit(settings).run_id
        wait_for(lambda: queue.job(run_id).state is JobState.DONE, 120)
    folds = {entry["key"]: entry["worker"] for entry in stream.data if re.fullmatch(rf"{run_id}-\w+-\d", entry["key"])}
    assert len(folds) == 4
    assert len(set(folds.values())) == 2
    expected = run_baseline(load_dataset(), settings)
    assert store.load(run_id).result.fold_accuracies == expected.fold_accuracies
    return run_id


def _scheduler(port):
    return ("scheduler", "--host=127.0.0.1", f"--port={port}", NO_PAGE, "--protocol=tls")


def _worker(address):
    return ("worker", address, "--host=127.0.0.1", "--nthreads=1", NO_PAGE, "--no-nanny")


def test_trainings_spread_over_a_tls_cluster_survive_the_death_of_worker_and_scheduler(
    start, certificate, s3, bucket, free_port
):
    address = f"tls://127.0.0.1:{free_port}"
    tls = {
        "distributed.comm.require-encryption": True,
        "distributed.comm.tls.ca-file": certificate.authority,
        "distributed.comm.tls.client.cert": certificate.own,
        "distributed.comm.tls.client.key": certificate.key,
    }
    store = RunStore(f"s3://{bucket}/runs")
    scheduler = start(*_scheduler(free_port), *certificate.options)
    workers = [start(*_worker(address), *certificate.options) for _ in range(2)]
    with dask.config.set(tls), JobQueue(store, DATA_DIGEST, Environment(scheduler=address)) as queue:
        wait_for(lambda: queue.status.n_workers == 2, 120)
        baseline = _check_that_folds_are_spread(queue, store)
        each = [NetworkSettings(epochs=2, batch_size=512, seed=seed) for seed in range(N_TRAININGS)]
        wanted = [queue.submit(settings).run_id for settings in each]

        def n_done():
            return sum(queue.job(run_id).state is JobState.DONE for run_id in wanted)

        def both_are_busy():
            n_busy = sum(map(bool, queue._client.processing().values()))
            return n_done() >= N_TRAININGS // 4 and n_busy == 2

        wait_for(both_are_busy, PATIENCE)
        workers[0].kill()
        scheduler.kill()
        scheduler.wait()
        start(*_scheduler(free_port), *certificate.options)
        for _ in range(2):  # what a container's restart policy does
            start(*_worker(address), *certificate.options)
        wait_for(lambda: n_done() == N_TRAININGS, PATIENCE)
        workers[1].wait(60)  # without its scheduler it ends, and may finish what the queue has given to another
    # A training that was lost is computed again. Names alone cannot show that it is kept once: equal runs share one.
    assert _n_written(s3, bucket) == {f"runs/{run_id}.zip": 1 for run_id in [baseline, *wanted]}
    assert {record.run_id for record in store.records()} == {baseline, *wanted}
    assert all(store.load(run_id).settings == settings for run_id, settings in zip(wanted, each, strict=True))
    assert not store.damaged


def _greet(port, context):
    """What the scheduler says first to whoever shows this."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as line,
        context.wrap_socket(line, server_hostname="localhost") as tls,
    ):
        return tls.recv(1)


def test_who_shows_no_certificate_or_a_foreign_one_is_turned_away(start, certificate, foreign, free_port):
    address = f"tls://127.0.0.1:{free_port}"
    scheduler = start(*_scheduler(free_port), *certificate.options)
    own = Security(tls_ca_file=certificate.authority, tls_client_cert=certificate.own, tls_client_key=certificate.key)
    with Client(address, security=own, set_as_default=False, timeout=60) as client:
        stranger = ssl.create_default_context(cafile=certificate.authority)
        with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
            _greet(free_port, stranger)
        stranger.load_cert_chain(foreign.own, foreign.key)
        with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca"):
            _greet(free_port, stranger)
        stranger.load_cert_chain(certificate.own, certificate.key)
        assert _greet(free_port, stranger)
        # A worker that has not been let in by then gives up.
        strangers = [
            start(*_worker(address), "--death-timeout=5", *foreign.options),
            start(*_worker(f"tcp://127.0.0.1:{free_port}"), "--death-timeout=5"),
        ]
        worker = start(*_worker(address), "--death-timeout=60", *certificate.options)
        assert all(process.wait(60) != 0 for process in strangers)
        client.wait_for_workers(1, timeout=60)
        assert len(client.scheduler_info()["workers"]) == 1
        for process in (scheduler, worker):
            listening = [each.laddr.ip for each in psutil.Process(process.pid).net_connections() if not each.raddr]
            assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("files", "problem"), [({}, "none is named"), ({"ca-file": "a", "client.cert": "b"}, "No such")]
)
def test_a_queue_without_a_certificate_is_refused_at_once(tmp_path, files, problem):
    tls = {f"distributed.comm.tls.{name}": str(tmp_path / file) for name, file in files.items()}
    with dask.config.set(tls), pytest.raises(FMNISTError, match=rf"{problem}.*DASK_DISTRIBUTED__COMM__TLS__CA_FILE"):
        JobQueue(RunStore(tmp_path), DATA_DIGEST, Environment(scheduler="tls://127.0.0.1:8786"))


def test_a_queue_whose_scheduler_is_not_there_says_so_and_goes_on_when_it_comes(
    tmp_path, free_port, monkeypatch, caplog
):
    monkeypatch.setattr("fmnist_core.jobs._CONNECT_SECONDS", 1)
    monkeypatch.setattr("fmnist_core.network.warm_up", lambda: None)
    monkeypatch.setattr("fmnist_core.in_worker.compute_run", lambda *_: baseline_run(1))
    # The worker is a thread of this process: taken for one that has grown too large, it would end all tests, too.
    monkeypatch.setattr("fmnist_core.in_worker._memory_bytes", lambda: 0)
    address = f"tcp://127.0.0.1:{free_port}"
    with JobQueue(RunStore(tmp_path), DATA_DIGEST, Environment(scheduler=address)) as queue:
        run_id = queue.submit(BaselineSettings()).run_id
        wait_for(lambda: caplog.messages, 30)
        assert f"The Dask scheduler {address} cannot be reached" in caplog.messages[0]
        assert "FMNIST_SCHEDULER" in caplog.messages[0]
        with pytest.raises(JobRefused, match=r"No worker can be reached just now\. Try again in a few seconds"):
            queue.predict(run_id, np.zeros((1, 28, 28), np.uint8))
        assert queue.job(run_id).state is JobState.WAITING
        with LocalCluster(1, processes=False, scheduler_port=free_port, dashboard_address=":0"):
            wait_for(lambda: queue.job(run_id).state is JobState.DONE, 120)
