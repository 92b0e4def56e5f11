"""How far a computation has come: what the engine reports while it works, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One report. Each report is complete in itself, so a lost one does no harm.

    Parameters
    ----------
    unit : str
        What is counted: "epoch" or "fold".
    number : int
        The unit under way, from 1. `total` + 1 when all are done and the run is being finished.
    total : int
        How many units there will be.
    within : float
        How much of the unit under way is done, 0 to 1.
    rows : tuple of mappings
        The figures of every finished unit, e.g. ``{"epoch": 1, "loss": 0.61, ...}``.
    """

    unit: str
    number: int
    total: int
    within: float
    rows: tuple[Mapping[str, float], ...] = ()

    @property
    def share(self) -> float:
        """How much of the whole is done, 0 to 1."""
        return min((self.number - 1 + self.within) / self.total, 1.0)


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class Stopped(Exception):
    """The computation was asked to stop before it had anything worth keeping."""
