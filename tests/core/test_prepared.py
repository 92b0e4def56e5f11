"""The runs that came with the project are what anybody gets who trains them."""

import dataclasses

import numpy as np
import pytest

from fmnist_core import BaselineSettings, NetworkSettings, RunStore
from fmnist_core.dataset import DATA_DIGEST
from fmnist_core.environment import Environment
from fmnist_core.prepared.make_runs import FOLDER, wanted
from fmnist_core.runs import compute_run, identify


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


@pytest.mark.slow
@pytest.mark.parametrize("settings", [BaselineSettings(), NetworkSettings()], ids=["baseline", "network"])
def test_training_the_lessons_two_again_finds_their_figures(dataset, settings):
    kept, again = RunStore(FOLDER, read_only=True).load(identify(settings, DATA_DIGEST)), compute_run(dataset, settings)
    if isinstance(settings, BaselineSettings):  # the same on every machine
        assert again.result.mean_accuracy == kept.result.mean_accuracy == 0.8194166666666666
    else:  # another processor adds in another order
        assert again.result.validation_accuracy == pytest.approx(kept.result.validation_accuracy, abs=0.003)
        assert again.result.validation_loss == pytest.approx(kept.result.validation_loss, abs=0.005)
    for field in dataclasses.fields(kept.result):
        before, after = getattr(kept.result, field.name), getattr(again.result, field.name)
        if isinstance(before, np.ndarray):
            assert (before.shape, before.dtype) == (after.shape, after.dtype)
