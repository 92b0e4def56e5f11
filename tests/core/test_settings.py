import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist_core import BaselineSettings, NetworkSettings, SettingsError
from fmnist_core.domains import Choice, Range, Several, Switch
from fmnist_core.settings import KINDS


def values_of(domain):
    """Any value that the domain accepts."""
    if isinstance(domain, Switch):
        return st.booleans()
    if isinstance(domain, Choice):
        return st.sampled_from(domain.options)
    if isinstance(domain, Several):
        return st.lists(values_of(domain.item), max_size=domain.most).map(tuple)
    if domain.logarithmic:
        return st.floats(domain.low, domain.high).map(lambda value: float(f"{value:.6g}"))
    steps = round((domain.high - domain.low) / domain.step)
    return st.integers(0, steps).map(lambda step: domain.low + step * domain.step)


def settings_of(kind):
    return st.builds(kind, **{name: values_of(kind.domain(name)) for name in kind.names()})


any_settings = st.one_of(settings_of(BaselineSettings), settings_of(NetworkSettings))


def test_the_defaults_are_the_lesson():
    network, baseline = NetworkSettings(), BaselineSettings()
    assert (network.epochs, network.validation_share, network.hidden_units) == (5, 0.2, ())
    assert (network.optimizer, network.batch_size, network.seed) == ("rmsprop", 32, 42)
    assert (baseline.max_iter, baseline.loss, baseline.folds, baseline.seed) == (5, "log_loss", 5, 42)
    assert network.to_query() == baseline.to_query() == {}


@given(any_settings)
def test_an_address_brings_back_the_same_settings(settings):
    assert type(settings).from_query(settings.to_query()) == settings


@given(any_settings)
def test_json_brings_back_the_same_settings(settings):
    assert type(settings).from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@given(any_settings)
def test_settings_are_frozen_and_hashable(settings):
    assert hash(settings) == hash(dataclasses.replace(settings))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 1


def test_equal_experiments_are_equal_whatever_the_slider_computed():
    assert NetworkSettings(validation_share=0.1 + 0.05) == NetworkSettings(validation_share=0.15)
    assert NetworkSettings.from_dict({"hidden_units": [100]}) == NetworkSettings(hidden_units=(100,))
    assert NetworkSettings.from_query({"hidden_units": ""}) == NetworkSettings()


@pytest.mark.parametrize(
    "query",
    [
        {"epochs": "1e9"},
        {"epochs": "nan"},
        {"epochs": "-1"},
        {"epochs": "0"},
        {"epochs": "51"},
        {"epochs": "5 7"},
        {"epochs": "٥"},
        {"epochs": "9" * 5000},
        {"validation_share": "0.21"},
        {"validation_share": "inf"},
        {"validation_share": "0"},
        {"learning_rate": "0"},
        {"learning_rate": "nan"},
        {"hidden_units": ",".join(["10"] * 400)},
        {"hidden_units": "0"},
        {"hidden_units": "100;50"},
        {"optimizer": "<script>alert(1)</script>"},
        {"flips": "maybe"},
        {"batch_size": "33"},
        {"seed": "None"},
    ],
)
def test_a_bad_link_names_the_field_and_what_it_accepts(query):
    (name,) = query
    with pytest.raises(SettingsError) as refusal:
        NetworkSettings.from_query(query)
    message = str(refusal.value)
    assert message.startswith(f"{name} must be {NetworkSettings.domain(name).accepted}")
    assert len(message) < 400


def test_an_unknown_field_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="The settings are epochs, "):
        NetworkSettings.from_query({"layers": "3"})
    with pytest.raises(SettingsError, match="no setting"):
        NetworkSettings.from_dict({"__class__": "os.system"})


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=4), st.sampled_from(list(KINDS)))
def test_any_address_gives_settings_or_a_sentence(query, kind):
    try:
        KINDS[kind].from_query(query)
    except SettingsError as error:
        assert "\n" not in str(error)


@given(
    st.sampled_from(["epochs", "dropout", "hidden_units", "flips", "optimizer", "learning_rate"]),
    st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.lists(st.integers()), st.booleans()),
)
def test_any_value_is_taken_or_refused_with_a_sentence(name, value):
    try:
        settings = NetworkSettings(**{name: value})
    except SettingsError as error:
        assert name in str(error)
    else:
        assert NetworkSettings.from_dict(settings.to_dict()) == settings


def test_every_field_has_a_name_on_screen_and_one_line_of_explanation():
    for kind in KINDS.values():
        for name in kind.names():
            assert kind.label(name)
            assert "\n" not in kind.explanation(name)


def test_differences_name_what_was_changed():
    assert NetworkSettings(epochs=7).differences() == {"epochs": 7}
    assert NetworkSettings(epochs=7).differences(NetworkSettings(epochs=7)) == {}


def test_a_range_tells_what_it_accepts():
    assert Range(1, 50, 1).accepted == "a whole number, 1 to 50"
    assert Range(0.05, 0.5, 0.05).accepted == "0.05 to 0.5 in steps of 0.05"
