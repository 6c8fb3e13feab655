"""The inputs of an evaluation: what is forecast, the test samples, the search and the settings."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

MODEL = "model"
"""The model's name among the forecasts."""

Forecasts = Mapping[str, Float[np.ndarray, " sample"]]
# Ensembles may differ in their number of members.
MemberForecasts = Mapping[str, Float[np.ndarray, "_ sample"]]


@dataclass(frozen=True, slots=True)
class Target:
    """What is forecast.

    unit: for axes and tables. horizon: in bars. train_median: median of the train labels. skip:
    name of the baseline that the network corrects and therefore nests, "none" if there is none.
    """

    kind: Literal["log_return", "log_volatility"]
    unit: str
    horizon: int
    train_median: float
    skip: str


@dataclass(frozen=True, slots=True)
class Samples:
    """The test samples: the true values and what was known when each forecast was made.

    truth: labels in the target's unit. last_values: the persistence forecast. dates: days since
    1970-01-01 of the bar after whose close the forecast is made. label_ends: days of the bar at
    whose close the truth is known. ticker_of_sample: positions in `tickers`. log_returns: of the
    bar that ends on `dates`.
    """

    truth: Float[np.ndarray, " sample"]
    last_values: Float[np.ndarray, " sample"]
    dates: Int[np.ndarray, " sample"]
    label_ends: Int[np.ndarray, " sample"]
    ticker_of_sample: Int[np.ndarray, " sample"]
    tickers: tuple[str, ...]
    log_returns: Float[np.ndarray, " sample"]

    def where(self, kept: Bool[np.ndarray, " sample"]) -> "Samples":
        """Return the samples where `kept` is true."""
        arrays = {
            field.name: getattr(self, field.name)[kept]
            for field in dataclasses.fields(self)
            if field.name != "tickers"
        }
        return dataclasses.replace(self, **arrays)


@dataclass(frozen=True, slots=True)
class Validation:
    """Every forecast of the validation block by a fit on train, with the truth.

    forecasts: by name, of all but the model. members: of the model, one row per seed. Those of the
    model and of its references are cross-stopped (`CrossStopping`): none comes from an epoch that
    was chosen on the same half of the block.
    """

    truth: Float[np.ndarray, " sample"]
    dates: Int[np.ndarray, " sample"]
    forecasts: Forecasts
    members: Float[np.ndarray, "member sample"]

    @property
    def model(self) -> Float[np.ndarray, " sample"]:
        """The model's forecast, the mean of its members."""
        mean: Float[np.ndarray, " sample"] = self.members.mean(axis=0)
        return mean


@dataclass(frozen=True, slots=True)
class SearchFacts:
    """What was tried before the test block was looked at.

    trials: total over all `studies` of this name. looks: nights of this name, tonight's included,
    whose test blocks overlap tonight's. block_losses: mean squared errors of this study's trials on
    consecutive blocks of validation. best_reference: the configuration with the lowest validation
    loss among those trained without a search. equals_reference: the reference whose configuration
    the search selected.
    """

    trials: int
    studies: int
    looks: int
    block_losses: Float[np.ndarray, "trial block"]
    best_reference: str | None
    equals_reference: str | None


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """The user's choices.

    seed: starts every bootstrap. costs_bps: trading costs in basis points of the position traded.
    position: how a return forecast becomes a position. levels: nominal coverage of the intervals.
    repetitions: bootstrap samples. sessions_a_year: days a year on which any ticker trades.
    """

    seed: int
    costs_bps: float
    position: Literal["sign", "scaled"]
    levels: tuple[float, ...]
    repetitions: int
    sessions_a_year: int
