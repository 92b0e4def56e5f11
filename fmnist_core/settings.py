"""What a visitor may choose: the settings of an experiment, each field's range declared once.

A frozen settings object *is* the experiment. The sliders produce it, the address carries it, the job
runs it, and the run store files the result under it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fmnist_core.errors import SettingsError

# What an address may hold: Python's own int() and float() would also take underscores and other scripts' digits.
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_DECIMAL = re.compile(r"[+-]?[0-9]{0,12}\.?[0-9]{0,12}(e[+-]?[0-9]{1,3})?")
_LONGEST_TEXT = 100


def _shown(value: object) -> str:
    """A visitor's value as it is quoted back in a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`. Whole numbers when `step` is an int, else decimals.

    Parameters
    ----------
    low, high : int or float
        Both included.
    step : int or float
        Accepted values are ``low + k * step``. Ignored when `logarithmic`.
    logarithmic : bool
        The slider moves by factors; any value between `low` and `high` is accepted.
    """

    low: float
    high: float
    step: float
    logarithmic: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are accepted."""
        return isinstance(self.step, int)

    @property
    def accepted(self) -> str:
        """The range in words, as a message shows it."""
        text = f"{self.low:g} to {self.high:g}"
        if self.whole:
            return f"a whole number, {self.low} to {self.high}"
        return text if self.logarithmic else f"{text} in steps of {self.step:g}"

    def check(self, value: Any) -> float:
        """Return `value` as the canonical int or float, or raise `ValueError`."""
        if isinstance(value, bool):
            raise ValueError
        if self.whole:
            if not (self.low <= value <= self.high) or value != int(value):
                raise ValueError
            return int(value)
        number = float(value)
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise ValueError
        if self.logarithmic:
            return float(f"{number:.6g}")
        steps = round((number - self.low) / self.step)
        snapped = round(self.low + steps * self.step, 10)
        if abs(snapped - number) > self.step * 1e-6:
            raise ValueError
        return snapped

    def parse(self, text: str) -> float:
        """Read `text`, as an address holds it."""
        if self.whole:
            if not _INTEGER.fullmatch(text):
                raise ValueError
            return self.check(int(text))
        if not _DECIMAL.fullmatch(text):
            raise ValueError
        return self.check(float(text))

    def write(self, value: Any) -> str:
        """The shortest text that `parse` reads back as the same value."""
        return f"{value}" if self.whole else f"{value:.10g}"


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    options: tuple[str | int, ...]

    @property
    def accepted(self) -> str:
        """The options in words."""
        return "one of " + ", ".join(map(str, self.options))

    def check(self, value: Any) -> str | int:
        """Return `value` when it is one of the options, or raise `ValueError`."""
        for option in self.options:
            if type(option) is type(value) and option == value:
                return option
        raise ValueError

    def parse(self, text: str) -> str | int:
        """Read `text`, as an address holds it."""
        for option in self.options:
            if str(option) == text:
                return option
        raise ValueError

    def write(self, value: Any) -> str:
        """The text that `parse` reads back."""
        return str(value)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    accepted: ClassVar[str] = "on or off"

    def check(self, value: Any) -> bool:
        """Return `value` when it is a bool, or raise `ValueError`."""
        if not isinstance(value, bool):
            raise ValueError
        return value

    def parse(self, text: str) -> bool:
        """Read `text`, as an address holds it."""
        if text.lower() not in {"on", "off"}:
            raise ValueError
        return text.lower() == "on"

    def write(self, value: Any) -> str:
        """The text that `parse` reads back."""
        return "on" if value else "off"


@dataclass(frozen=True)
class Several:
    """Up to `most` numbers of one range, in order; none is allowed. `item_label` names each on screen."""

    item: Range
    most: int
    item_label: str

    @property
    def accepted(self) -> str:
        """The rule in words."""
        return f"up to {self.most} numbers, each {self.item.accepted}, separated by commas"

    def check(self, value: Any) -> tuple[float, ...]:
        """Return `value` as a tuple of canonical numbers, or raise `ValueError`."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError
        items = tuple(value)
        if len(items) > self.most:
            raise ValueError
        return tuple(self.item.check(item) for item in items)

    def parse(self, text: str) -> tuple[float, ...]:
        """Read `text`, as an address holds it: ``128,64``, or nothing at all."""
        if not text:
            return ()
        parts = text.split(",", self.most)
        return self.check([self.item.parse(part.strip()) for part in parts])

    def write(self, value: Any) -> str:
        """The text that `parse` reads back."""
        return ",".join(self.item.write(item) for item in value)


Domain = Range | Choice | Switch | Several


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
