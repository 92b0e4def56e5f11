"""What more than one test file needs."""

import pytest

from fmnist_core.dataset import FashionMNIST, load_dataset


@pytest.fixture(scope="session")
def dataset() -> FashionMNIST:
    """The real data set, read once for the whole run."""
    return load_dataset()
