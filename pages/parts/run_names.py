"""What a finished run is called, in a few words."""

from __future__ import annotations

from typing import Any

from fmnist_core import NetworkSettings, RunRecord
from fmnist_core.dataset import N_TRAIN
from fmnist_core.settings import PRESETS, Settings

KIND_NAMES = {"baseline": "Baseline", "network": "Network"}


def describe(record: RunRecord) -> str:
    """A run in a few words, such as ``"Network: Small CNN, 8 epochs"``."""
    return f"{KIND_NAMES[record.settings.kind]}: {what_it_is(record)}"


def what_it_is(record: RunRecord) -> str:
    """The ready-made network that a run comes nearest to, and what differs from it, in words."""
    name, reference = _nearest_preset(record.settings)
    changed = record.settings.differences(reference)
    words = [name or "the lesson"] if name or not changed else []
    words += [_setting_in_words(record.settings, field, value) for field, value in changed.items()]
    if isinstance(record.settings, NetworkSettings) and record.stopped_after is not None:
        words.append(_stop_in_words(record.settings, record.stopped_after, N_TRAIN - record.headline["n_pictures"]))
    return ", ".join(words)


def _setting_in_words(settings: Settings, field: str, value: Any) -> str:
    if field == "epochs":
        return "1 epoch" if value == 1 else f"{value} epochs"
    if field == "hidden_units":
        return _layers_in_words("layer", value)
    if field == "convolution_filters":
        return _layers_in_words("convolution", value)
    name = field if field == "max_iter" else field.replace("_", " ")  # max_iter: scikit-learn's own name
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {settings.domain(field).write(value)}"


def _layers_in_words(what: str, sizes: tuple[int, ...]) -> str:
    if not sizes:
        return f"no {what}s"
    if len(set(sizes)) == 1:
        return f"{len(sizes)} {what}{'s' if len(sizes) > 1 else ''} of {sizes[0]}"
    return f"{what}s of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]}"


def _stop_in_words(settings: NetworkSettings, n_batches: int, n_pictures: int) -> str:
    """In which epoch a training on so many pictures was stopped."""
    batches_per_epoch = -(-n_pictures // settings.batch_size)
    return f"stopped by hand in epoch {-(-n_batches // batches_per_epoch)}"


def differences(settings: Settings) -> str:
    """The settings that are not the lesson's, as an address has them."""
    changed = settings.differences()
    return ", ".join(f"{field} {settings.domain(field).write(value) or 'none'}" for field, value in changed.items())


def _nearest_preset(settings: Settings) -> tuple[str, Settings]:
    """The first of those that differ in the fewest settings; the lesson's has no name."""
    if not isinstance(settings, NetworkSettings):
        return "", type(settings)()
    presets = {name if preset != NetworkSettings() else "": preset for name, preset in PRESETS.items()}
    return min(presets.items(), key=lambda preset: len(settings.differences(preset[1])))


def origin(record: RunRecord) -> str:
    """When and with what a run that came with the project was made."""
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"Prepared with the project on {record.created[:10]} ({record.machine}; {versions})."
