"""What more than one test file needs."""

import hypothesis
import pytest

from fmnist_core.dataset import FashionMNIST, load_dataset

# A loaded machine is slow, which is no failure.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def dataset() -> FashionMNIST:
    """The real data set, read once for the whole run."""
    return load_dataset()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes test at once, one has all browser tests, which share a server; others whole files."""
    for item in items:
        group = "browser" if item.get_closest_marker("browser") else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
