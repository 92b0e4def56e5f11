"""What more than one test of the engine needs."""

import pytest

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
