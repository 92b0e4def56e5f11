"""What one setting may be: a range, a choice, a switch or several numbers; each checks, reads and writes its values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

# What an address may hold: Python's own int() and float() would also take underscores and other scripts' digits.
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_DECIMAL = re.compile(r"[+-]?[0-9]{0,12}\.?[0-9]{0,12}(e[+-]?[0-9]{1,3})?")


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
