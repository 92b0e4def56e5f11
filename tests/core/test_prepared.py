"""The runs that came with the project. That anybody gets them again is shown where the lesson's two are computed."""

from fmnist_core import RunStore
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.prepared.make_runs import FOLDER, wanted
from fmnist_core.runs import identify


def test_each_wanted_run_is_there_whole_and_says_where_it_was_made():
    store = RunStore(FOLDER, read_only=True)
    records = {run_id: store.load(run_id).record for run_id in (record.run_id for record in store.records())}
    assert set(records) == {identify(settings, DATA_DIGEST) for settings in wanted()}
    assert not store.damaged
    for record in records.values():
        assert record.machine
        assert record.created
        assert record.versions["numpy"]
    assert sum(path.stat().st_size for path in FOLDER.glob("*.zip")) < 15 * 2**20
    assert Environment().prepared == str(FOLDER)
