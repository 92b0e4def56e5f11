"""What a visitor may choose: the settings of an experiment, each field's range declared once.

A frozen settings object *is* the experiment. The sliders produce it, the address carries it, the job
runs it, and the run store files the result under it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fmnist_core.domains import Choice, Domain, Range, Several, Switch
from fmnist_core.errors import SettingsError

_LONGEST_TEXT = 100


def _shown(value: object) -> str:
    """A visitor's value as it is quoted back in a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _setting(default: Any, domain: Domain, label: str, explanation: str) -> Any:
    """Declare a field: its default, what it accepts, its name on screen, and what it means in one line."""
    metadata = {"domain": domain, "label": label, "explanation": explanation}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class _Settings:
    """What both kinds of settings share: checking, and the ways to and from text."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            domain, given = field.metadata["domain"], getattr(self, field.name)
            try:
                # Canonical values (0.15, not 0.15000000000000002) make equal experiments equal.
                object.__setattr__(self, field.name, domain.check(given))
            except (ValueError, TypeError, OverflowError):
                raise SettingsError(f"{field.name} must be {domain.accepted}; got {_shown(given)}.") from None

    @classmethod
    def domain(cls, name: str) -> Any:
        """What the field `name` accepts."""
        return cls.__dataclass_fields__[name].metadata["domain"]

    @classmethod
    def label(cls, name: str) -> str:
        """The field's name on screen."""
        return cls.__dataclass_fields__[name].metadata["label"]

    @classmethod
    def explanation(cls, name: str) -> str:
        """What the field means, in one line for a beginner."""
        return cls.__dataclass_fields__[name].metadata["explanation"]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields in the order in which they are shown."""
        return tuple(field.name for field in dataclasses.fields(cls))

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON can hold them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in self.names()
            for value in [getattr(self, name)]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote. Missing fields take the lesson's value.

        Raises
        ------
        SettingsError
            For an unknown field or a value out of its range.
        """
        cls._refuse_unknown(values)
        return cls(**values)

    def to_query(self) -> dict[str, str]:
        """The fields that differ from the lesson, as an address carries them."""
        return {
            name: self.domain(name).write(getattr(self, name))
            for name in self.names()
            if getattr(self, name) != self.__dataclass_fields__[name].default
        }

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Read the fields from an address. Missing fields take the lesson's value.

        Raises
        ------
        SettingsError
            For an unknown field or a value out of its range; it names the range.
        """
        cls._refuse_unknown(query)
        values = {}
        for name, text in query.items():
            domain = cls.domain(name)
            try:
                values[name] = domain.parse(text)
            except (ValueError, TypeError, OverflowError):
                raise SettingsError(f"{name} must be {domain.accepted}; got {_shown(text)}.") from None
        return cls(**values)

    @classmethod
    def _refuse_unknown(cls, values: Mapping[str, Any]) -> None:
        for name in values:
            if name not in cls.names():
                known = ", ".join(cls.names())
                raise SettingsError(f"There is no setting {_shown(name)}. The settings are {known}.")

    def differences(self, other: _Settings | None = None) -> dict[str, Any]:
        """The fields in which this differs from `other` (from the lesson when none is given)."""
        reference = other if other is not None else type(self)()
        return {
            name: getattr(self, name) for name in self.names() if getattr(self, name) != getattr(reference, name, None)
        }


SEED = Range(0, 9999, 1)


@dataclass(frozen=True)
class BaselineSettings(_Settings):
    """A linear classifier, cross-validated. The defaults are the lesson."""

    kind: ClassVar[str] = "baseline"

    max_iter: int = _setting(
        5,
        Range(1, 100, 1),
        "Passes over the data (max_iter)",
        "At most how often the classifier goes over all training pictures.",
    )
    loss: str = _setting(
        "log_loss",
        Choice(("log_loss", "hinge", "modified_huber", "perceptron")),
        "Loss",
        "How a mistake is measured: log_loss gives probabilities, hinge is a linear SVM.",
    )
    alpha: float = _setting(
        0.0001,
        Range(1e-7, 0.1, 0.0, logarithmic=True),
        "Penalty strength (alpha)",
        "How strongly large weights are punished: more keeps the model simpler.",
    )
    folds: int = _setting(
        5,
        Range(2, 10, 1),
        "Folds",
        "In how many parts the data is cut; each part is held out once.",
    )
    scaling: bool = _setting(
        True,
        Switch(),
        "Scale pixels to 0-1",
        "Divide by 255. Switch it off to see why everybody scales.",
    )
    seed: int = _setting(42, SEED, "Seed", "Fixes every random choice: same seed, same figures.")


@dataclass(frozen=True)
class NetworkSettings(_Settings):
    """A neural network and how it is trained. The defaults are the lesson."""

    kind: ClassVar[str] = "network"

    epochs: int = _setting(5, Range(1, 50, 1), "Epochs", "How often the network sees every training picture.")
    validation_share: float = _setting(
        0.2,
        Range(0.05, 0.5, 0.05),
        "Held out for validation",
        "The share of the 60,000 pictures kept aside to check what was learned.",
    )
    split: str = _setting(
        "random",
        Choice(("random", "stratified", "tail", "sorted")),
        "How the validation pictures are chosen",
        "random: by lot. stratified: by lot, the same number of each class. tail: the last ones. "
        "sorted: the last ones after sorting by class, a classic mistake.",
    )
    convolution_filters: tuple[int, ...] = _setting(
        (),
        Several(Range(8, 128, 8), most=3, item_label="Filters in block"),
        "Convolution blocks",
        "Small filters slid over the picture; each block halves the picture's height and width.",
    )
    batch_normalization: bool = _setting(
        False,
        Switch(),
        "Batch normalisation",
        "Keeps each convolution's outputs in a steady range, which lets deep networks learn faster.",
    )
    hidden_units: tuple[int, ...] = _setting(
        (),
        Several(Range(1, 1024, 1), most=4, item_label="Units in hidden layer"),
        "Hidden layers",
        "Layers between the pixels and the answer, each with so many units.",
    )
    activation: str = _setting(
        "relu",
        Choice(("relu", "tanh", "sigmoid", "gelu")),
        "Activation",
        "What a hidden unit does with its sum; without it, layers would collapse into one.",
    )
    dropout: float = _setting(
        0.0,
        Range(0.0, 0.8, 0.05),
        "Dropout",
        "The share of hidden units switched off at random in each step, against overfitting.",
    )
    flips: bool = _setting(
        False,
        Switch(),
        "Random mirror images",
        "Shows each picture mirrored half the time: a mirrored shirt is still a shirt.",
    )
    optimizer: str = _setting(
        "rmsprop",
        Choice(("rmsprop", "adam", "sgd")),
        "Optimiser",
        "The rule that turns the loss's slope into a change of the weights.",
    )
    learning_rate: float = _setting(
        0.001,
        Range(1e-5, 1.0, 0.0, logarithmic=True),
        "Learning rate",
        "How large each change is: too small learns slowly, too large never settles.",
    )
    schedule: str = _setting(
        "constant",
        Choice(("constant", "warmup_cosine")),
        "Learning-rate schedule",
        "constant, or a short rise followed by a slow fall to zero.",
    )
    batch_size: int = _setting(
        32,
        Choice((16, 32, 64, 128, 256, 512)),
        "Batch size",
        "How many pictures the network looks at before it changes its weights.",
    )
    patience: int = _setting(
        0,
        Range(0, 20, 1),
        "Early stopping (patience)",
        "Stop after so many epochs without a better validation loss, and keep the best. 0: never.",
    )
    seed: int = _setting(42, SEED, "Seed", "Fixes every random choice: same seed, same figures.")


Settings = BaselineSettings | NetworkSettings
KINDS: Mapping[str, type[BaselineSettings] | type[NetworkSettings]] = {
    BaselineSettings.kind: BaselineSettings,
    NetworkSettings.kind: NetworkSettings,
}

PRESETS: dict[str, NetworkSettings] = {
    "The lesson": NetworkSettings(),
    "One hidden layer (100)": NetworkSettings(hidden_units=(100,)),
    "Two hidden layers with dropout": NetworkSettings(hidden_units=(256, 128), dropout=0.2, epochs=10),
    "Small CNN": NetworkSettings(
        convolution_filters=(32, 64), optimizer="adam", learning_rate=0.002, batch_size=128, epochs=4
    ),
    "Strong CNN": NetworkSettings(
        convolution_filters=(32, 64, 128),
        batch_normalization=True,
        hidden_units=(128,),
        dropout=0.3,
        flips=True,
        optimizer="adam",
        learning_rate=0.005,
        schedule="warmup_cosine",
        batch_size=128,
        epochs=12,
        validation_share=0.1,
    ),
}
