"""What a finished run is called, in a few words."""

from __future__ import annotations

from fmnist_core import NetworkSettings, RunRecord
from fmnist_core.settings import PRESETS, Settings

KIND_NAMES = {"baseline": "Baseline", "network": "Network"}


def describe(record: RunRecord) -> str:
    """A run in a few words, such as ``"Network: Small CNN, epochs 8"``."""
    return f"{KIND_NAMES[record.settings.kind]}: {what_it_is(record)}"


def what_it_is(record: RunRecord) -> str:
    """The ready-made network that a run comes nearest to, and what differs from it, as an address has it."""
    name, reference = _nearest_preset(record.settings)
    changes = differences(record.settings, reference)
    words = [name or "the lesson"] if name or not changes else []
    words += [changes] if changes else []
    if record.stopped_after is not None:
        words.append(f"stopped after {record.stopped_after:,} batches")
    return ", ".join(words)


def differences(settings: Settings, reference: Settings | None = None) -> str:
    """The settings that are not those of `reference` (the lesson's where none is given), as an address has them."""
    changed = settings.differences(reference)
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
