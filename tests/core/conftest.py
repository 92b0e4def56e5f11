"""What more than one test of the engine needs."""

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from fmnist_core import (
    BaselineResult,
    BaselineSettings,
    FashionMNIST,
    NetworkResult,
    NetworkSettings,
    run_baseline,
    train_network,
)


@pytest.fixture(scope="session")
def real_baseline(dataset: FashionMNIST) -> BaselineResult:
    """A real baseline on all pictures, a cheap one."""
    return run_baseline(dataset, BaselineSettings(max_iter=1, folds=2))


@pytest.fixture(scope="session")
def real_network(dataset: FashionMNIST) -> NetworkResult:
    """A real network on all pictures, a cheap one."""
    return train_network(dataset, NetworkSettings(epochs=1, batch_size=512))


@pytest.fixture(scope="session")
def s3():
    """An S3 server on this machine, named by the variables that every S3 client reads, in other processes, too.

    One for all tests of a process: fsspec keeps its clients, and those of an earlier server would find nobody.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="class")
        yield client
    server.stop()
