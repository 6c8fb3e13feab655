"""Permutation importance: how much worse the model is without what one of its inputs says."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64
from torch import Tensor

from lstm_model.data.views import Rows
from lstm_model.data.windows import WindowSet
from lstm_model.evaluation.long_run import long_run_covariance
from lstm_model.evaluation.measured import MIN_DATES, Measured, too_short
from lstm_model.explain.lag_groups import LagGroup, single_lags
from lstm_model.model.bundle import Bundle
from lstm_model.model.network import parameter_count
from lstm_model.model.one_thread import one_thread
from lstm_model.seeding import derive_seed

MOST_SAMPLES, FEWEST_SAMPLES = 1000, 200
"""Samples that are shuffled: enough for the ranks, few enough for seconds."""

MOST_WORK = 80e9
"""Products of a weight and an input, over all forecasts: about three seconds of one core, unless
the fewest samples need more. Work is counted, not timed, so a night repeats itself."""

HAR, TICKER = "HAR's forecast", "ticker (embedding)"
"""What a model may know besides its columns."""


@dataclass(frozen=True, slots=True)
class Rise:
    """How much the mean squared error rises when an input is shuffled.

    rise: in the target's unit, squared; about 0 if the model does not use the input.
    standard_error: of the rise, by the long-run rule over dates.
    """

    name: str
    rise: float
    standard_error: Measured


@dataclass(frozen=True, slots=True)
class PermutationImportance:
    """What the ensemble's mean forecast on a block rests on.

    mse: of the samples as they are, in the target's unit, squared. samples: that were shuffled, out
    of `block_samples`. features: a column at all bars of the window, the largest rise first. lags:
    all columns at some bars, the newest bars first. others: HAR's forecast that the network
    corrects, and the ticker that an embedding knows; both stay as they are while columns are
    shuffled.
    """

    mse: float
    samples: int
    block_samples: int
    features: tuple[Rise, ...]
    lags: tuple[Rise, ...]
    others: tuple[Rise, ...] = ()

    def share(self, rise: Rise) -> float:
        """Return a rise as a share of the MSE."""
        return rise.rise / self.mse


@dataclass(frozen=True, slots=True)
class ShuffledWindows(WindowSet):
    """Windows that take some of their values from another sample of the same block.

    donors: for each sample, the one that gives. taken: which values of a window it gives.
    """

    donors: Int64[Tensor, " sample"] = dataclasses.field(kw_only=True)
    taken: Bool[Tensor, "time feature"] = dataclasses.field(kw_only=True)

    def batch(
        self, samples: Int64[Tensor, " window"]
    ) -> tuple[Float32[Tensor, "window time feature"], Float32[Tensor, " window"]]:
        """Gather the windows of a few samples and what their donors give them."""
        # Not super(): a slotted dataclass is another class than the one that was written.
        own, labels = WindowSet.batch(self, samples)
        given, _ = WindowSet.batch(self, self.donors[samples])
        return torch.where(self.taken, given, own), labels


def permutation_importance(
    bundle: Bundle, rows: Rows, ends: Int[np.ndarray, " sample"], seed: int
) -> PermutationImportance:
    """Shuffle each input among samples and measure how much the ensemble's error rises.

    rows, ends: the block's samples, with labels. Each input is shuffled by a permutation of its
    own, derived from `seed` and its name, so no number depends on the others or on their order.

    Breiman (2001), "Random Forests", Machine Learning 45(1), 5-32; Fisher, Rudin & Dominici (2019),
    "All Models are Wrong, but Many are Useful", JMLR 20(177).
    """
    block = len(ends)
    names, length = bundle.feature_names, bundle.window_length
    lags = single_lags(length)
    ends = ends[_drawn(bundle, block, len(names) + len(lags) + 1, seed)]
    windows = _windows(bundle, rows, ends)
    terms, truth, dates = rows.har_terms[ends], rows.labels[ends], rows.dates[ends]

    def errors(of: WindowSet, with_terms: np.ndarray = terms) -> Float[np.ndarray, " sample"]:
        with one_thread():
            members = bundle.forecast_windows(of, with_terms)
        squares: np.ndarray = (members.mean(axis=0) - truth) ** 2
        return squares

    before = errors(windows)

    def rise(name: str, after: Float[np.ndarray, " sample"]) -> Rise:
        change = after - before
        return Rise(name, float(change.mean()), _standard_error(change, dates))

    def donors(*of: str) -> Int[np.ndarray, " sample"]:
        return np.random.default_rng(derive_seed(seed, *of)).permutation(len(ends))

    def without(name: str, kind: str, taken: Bool[Tensor, "time feature"]) -> Rise:
        own = {field.name: getattr(windows, field.name) for field in dataclasses.fields(windows)}
        given = torch.from_numpy(donors(kind, name))
        return rise(name, errors(ShuffledWindows(**own, donors=given, taken=taken)))

    features = [
        without(name, "feature", _column(length, len(names), place))
        for place, name in enumerate(names)
    ]
    others = []
    if bundle.scaler.skip_weights:
        others.append(rise(HAR, errors(windows, terms[donors("other", HAR)])))
    if bundle.params.ticker_embedding and windows.tickers is not None:
        codes = windows.tickers[torch.from_numpy(donors("other", TICKER))]
        others.append(rise(TICKER, errors(dataclasses.replace(windows, tickers=codes))))
    return PermutationImportance(
        mse=float(before.mean()),
        samples=len(ends),
        block_samples=block,
        features=tuple(sorted(features, key=lambda feature: -feature.rise)),
        lags=tuple(without(lag.name, "lag", _bars(length, len(names), lag)) for lag in lags),
        others=tuple(others),
    )


def _drawn(bundle: Bundle, block: int, forecasts: int, seed: int) -> Int[np.ndarray, " sample"]:
    """Draw the samples, in their order; fewer if the networks are large."""
    weights = parameter_count(len(bundle.feature_names), bundle.params)
    one = weights * bundle.window_length * len(bundle.networks) * forecasts
    count = min(block, MOST_SAMPLES, max(FEWEST_SAMPLES, int(MOST_WORK / one)))
    draws = np.random.default_rng(derive_seed(seed, "samples"))
    return np.sort(draws.choice(block, count, replace=False))


def _windows(bundle: Bundle, rows: Rows, ends: Int[np.ndarray, " sample"]) -> WindowSet:
    """Return the samples' windows over their own bars alone, so a large panel needs no copy."""
    length = bundle.window_length
    bars = ends[:, None] + np.arange(1 - length, 1)
    codes = bundle.codes_of(rows.tickers)[rows.ticker_of_row[ends]]
    last = np.arange(1, len(ends) + 1) * length - 1
    return bundle.windows(rows.features[bars.ravel()], last, codes)


def _column(length: int, features: int, place: int) -> Bool[Tensor, "time feature"]:
    taken = torch.zeros(length, features, dtype=torch.bool)
    taken[:, place] = True
    return taken


def _bars(length: int, features: int, lags: LagGroup) -> Bool[Tensor, "time feature"]:
    taken = torch.zeros(length, features, dtype=torch.bool)
    taken[length - lags.oldest : length - lags.newest + 1] = True
    return taken


def _standard_error(
    changes: Float[np.ndarray, " sample"], dates: Int[np.ndarray, " sample"]
) -> Measured:
    """Return the standard error of the mean over samples; samples of a date count together."""
    days, position = np.unique(dates, return_inverse=True)
    if len(days) < MIN_DATES:
        return too_short(len(days))
    sums = np.bincount(position, weights=changes - changes.mean())
    by_date = sums * len(days) / len(changes)
    return math.sqrt(long_run_covariance(by_date[:, None])[0, 0] / len(days))
