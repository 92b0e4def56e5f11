"""More than one machine, shown with several processes of one: a TLS cluster, and a bucket that all of them reach."""

import os
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import dask
import pytest
import trustme
from distributed import get_task_stream

from fmnist_core import BaselineSettings, JobQueue, JobState, NetworkSettings, RunStore, load_dataset, run_baseline
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.runs import identify
from tests.core.test_jobs import wait_for

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
N_TRAININGS = int(os.environ.get("FMNIST_TRAININGS", "4"))  # `make soak` takes 20


@pytest.fixture
def certificates(tmp_path):
    """An authority of our own, and one certificate that everybody shows: who has none is not let in."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(paths["ca"])
    certificate.private_key_pem.write_to_path(paths["key"])
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(paths["cert"], append=True)
    return [f"--tls-ca-file={paths['ca']}", f"--tls-cert={paths['cert']}", f"--tls-key={paths['key']}"], paths


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(certificates):
    """Start a scheduler or a worker by Dask's own command, in a clone of this project."""
    options, _ = certificates
    processes = []

    def start_one(*command):
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command, *options],
            cwd=ROOT,
            env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "error", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


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


def test_trainings_spread_over_a_tls_cluster_survive_the_death_of_worker_and_scheduler(
    start, certificates, tmp_path, free_port
):
    address = f"tls://127.0.0.1:{free_port}"
    scheduler_command = ("scheduler", "--host=127.0.0.1", f"--port={free_port}", "--no-dashboard", "--protocol=tls")
    worker_command = ("worker", address, "--host=127.0.0.1", "--nthreads=1", "--no-dashboard", "--no-nanny")
    _, paths = certificates
    names = {"ca-file": "ca", "client.cert": "cert", "client.key": "key"}
    tls = {f"distributed.comm.tls.{field}": str(paths[name]) for field, name in names.items()}
    store = RunStore(tmp_path / "runs")
    scheduler = start(*scheduler_command)
    workers = [start(*worker_command) for _ in range(2)]
    tls_only = dask.config.set({**tls, "distributed.comm.require-encryption": True})
    with tls_only, JobQueue(store, DATA_DIGEST, Environment(scheduler=address)) as queue:
        wait_for(lambda: queue.status.n_workers == 2, 120)
        _check_that_folds_are_spread(queue, store)
        each = [NetworkSettings(epochs=2, batch_size=512, seed=seed) for seed in range(N_TRAININGS)]
        wanted = [queue.submit(settings).run_id for settings in each]
        busy = set()

        def n_done():
            return sum(queue.job(run_id).state is JobState.DONE for run_id in wanted)

        def both_have_worked():
            busy.update(worker for worker, tasks in queue._client.processing().items() if tasks)
            return n_done() >= N_TRAININGS // 2 and len(busy) == 2

        wait_for(both_have_worked, 300)
        workers[0].kill()
        scheduler.kill()
        scheduler.wait()
        start(*scheduler_command)
        for _ in range(2):  # what a container's restart policy does
            start(*worker_command)
        wait_for(lambda: n_done() == N_TRAININGS, 300)
    kept = Counter(record.run_id for record in store.records() if record.settings.kind == "network")
    assert kept == Counter(identify(settings, DATA_DIGEST) for settings in each)
    assert not store.damaged
