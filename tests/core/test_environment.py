import dataclasses
import logging
from pathlib import Path

import pytest

from fmnist_core import BaselineSettings, FMNISTError, NetworkSettings, cost, log_lines
from fmnist_core.environment import Environment
from fmnist_core.settings import PRESETS


def test_ones_own_machine_is_not_limited_and_a_hosted_one_is():
    alone, hosted = Environment.read({}), Environment.read({"FMNIST_HOSTED": "1"})
    assert alone == Environment()
    assert (hosted.hosted, hosted.running_per_visitor, hosted.seconds) == (True, 1, 600)
    assert alone.seconds > 10 * hosted.seconds


def test_a_variable_counts_over_both_defaults_and_an_empty_one_not_at_all():
    given = Environment.read(
        {"FMNIST_HOSTED": "1", "FMNIST_QUEUE": " 7 ", "FMNIST_RUNS": "s3://b/r", "FMNIST_ASKED": ""}
    )
    assert (given.queue, given.runs, given.asked_per_visitor) == (7, "s3://b/r", 6)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("FMNIST_HOSTED", "yes", "FMNIST_HOSTED must be 0 or 1; got 'yes'"),
        ("FMNIST_QUEUE", "-1", "FMNIST_QUEUE must be a whole number, 1 or more; got '-1'"),
        ("FMNIST_QUEUE", "1e9", "1 or more; got '1e9'"),
        ("FMNIST_QUEUE", "9" * 400, "1 or more"),
        ("FMNIST_LOG_LINE", "99", "100 or more"),
        ("FMNIST_FRAMES", "*; script-src *", "no semicolon"),
        ("FMNIST_HOSTS", "a\r\nSet-Cookie: b", "no line break"),
        ("FMNIST_SCHEDULER", "scheduler:8786", "must be like tcp://10.0.0.1:8786"),
        ("FMNIST_SCHEDULER", "tls://scheduler", "must be like tcp://10.0.0.1:8786"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_accepted(name, value, sentence):
    with pytest.raises(FMNISTError, match=sentence):
        Environment.read({name: value})


def test_every_preset_and_the_lessons_baseline_fit_into_the_hosted_budget():
    most = Environment.read({"FMNIST_HOSTED": "1"}).seconds
    for settings in [*PRESETS.values(), BaselineSettings(), BaselineSettings(max_iter=50)]:
        assert cost.refusal(settings, most) is None, settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (NetworkSettings(epochs=50, hidden_units=(1024,) * 4), "fewer epochs"),
        (NetworkSettings(epochs=50, convolution_filters=(128, 128, 128)), "fewer epochs"),
        (BaselineSettings(max_iter=100, folds=10), "fewer passes or folds"),
    ],
)
def test_the_largest_experiments_do_not_and_the_refusal_says_what_would(settings, words):
    assert words in (cost.refusal(settings, 60) or "")
    assert cost.refusal(settings, 10**6) is None


def test_a_network_too_large_to_be_kept_is_refused_everywhere():
    """Found: it was trained, could not be read again, and was set aside at each new attempt."""
    settings = NetworkSettings(convolution_filters=(128,), hidden_units=(1024,), batch_size=512)
    refused = cost.refusal(settings, Environment().seconds) or ""
    assert "25.7 million parameters, and at most 5 million are accepted" in refused
    assert "fewer units in the first hidden layer" in refused
    for accepted in (
        NetworkSettings(convolution_filters=(128, 128, 128), hidden_units=(1024,) * 4),
        NetworkSettings(convolution_filters=(128, 128), hidden_units=(512,)),
        NetworkSettings(hidden_units=(1024,) * 4),
    ):
        assert cost.refusal(accepted, 10**6) is None, accepted


def test_a_log_line_can_neither_be_forged_nor_flood(caplog):
    usual = logging.getLogRecordFactory()
    try:
        log_lines.bound(100)
        logging.getLogger("test").warning("%s", "a\nWARNING forged\x1b[31m\u2028" + "x" * 10_000)
    finally:
        logging.setLogRecordFactory(usual)
    line = caplog.messages[-1]
    assert line.startswith(r"a\nWARNING forged\x1b[31m\u2028xx")
    assert len(line) < 200
    assert len(line.splitlines()) == 1


def test_the_guide_lists_every_variable_with_its_defaults():
    root = Path(__file__).resolve().parents[2]
    guide = (root / "docs" / "hosting.md").read_text()

    def shown(value):
        text = str(int(value) if isinstance(value, bool) else value).replace(f"{root}/", "")
        return f"`{text}`" if text else "none"

    for field in dataclasses.fields(Environment):
        facts = field.metadata
        hosted = True if field.name == "hosted" else facts["hosted"]
        row = f"| `{facts['name']}` | {facts['meaning']} | {shown(field.default)} | {shown(hosted)} |"
        assert row in guide.splitlines(), row
