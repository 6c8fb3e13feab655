"""Paired losses: of champion, challenger and benchmark on the same dates, and nothing else."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, slots=True)
class DatedLosses:
    """A forecast's losses, one for each date; of several tickers their mean on that date.

    dates: days since 1970-01-01, ascending. losses: not negative; infinite where a forecast is too
    far from the truth. Raises ValueError if a date is there twice or out of order, or if a loss is
    negative or NaN.
    """

    dates: Int[np.ndarray, " date"]
    losses: Float[np.ndarray, " date"]

    def __post_init__(self) -> None:
        if not (np.diff(self.dates) > 0).all():
            raise ValueError("dates of losses must ascend without repetition but do not; sort them")
        if not (self.losses >= 0).all():
            raise ValueError("losses must be 0 or more but one is negative or NaN; leave it out")

    @property
    def mean(self) -> float:
        """The mean loss."""
        return float(self.losses.mean())


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """Losses of three forecasts on the same dates: all that the gate looks at.

    No forecast may come from a model that was trained, stopped or selected on its date; whoever
    builds the value answers for that. Raises ValueError if the dates differ, because losses of
    different dates say nothing about each other.
    """

    champion: DatedLosses
    challenger: DatedLosses
    benchmark: DatedLosses

    def __post_init__(self) -> None:
        for name, other in (("challenger", self.challenger), ("benchmark", self.benchmark)):
            if not np.array_equal(self.dates, other.dates):
                raise ValueError(
                    f"the {name}'s losses must be of the champion's dates but {_span(other.dates)} "
                    f"is not {_span(self.dates)}; keep the dates that all of them have"
                )

    @property
    def dates(self) -> Int[np.ndarray, " date"]:
        """The dates that all three share."""
        return self.champion.dates

    def swapped(self) -> "PairedLosses":
        """Return the same with champion and challenger in each other's place."""
        return PairedLosses(self.challenger, self.champion, self.benchmark)


@dataclass(frozen=True, slots=True)
class LossPair:
    """Another loss of both models on the same dates; raises ValueError if the dates differ."""

    champion: DatedLosses
    challenger: DatedLosses

    def __post_init__(self) -> None:
        if not np.array_equal(self.champion.dates, self.challenger.dates):
            raise ValueError("both must have losses of the same dates but have not; pair them")

    @property
    def dates(self) -> Int[np.ndarray, " date"]:
        """The dates that both share."""
        return self.champion.dates


def _span(dates: Int[np.ndarray, " date"]) -> str:
    if not len(dates):
        return "no date"
    first, last = (np.datetime64(int(day), "D") for day in (dates[0], dates[-1]))
    return f"{len(dates)} dates from {first} to {last}"
