"""Scaler: features and labels in units of the train block, by mean, median or rank."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from lstm_model.data.chunks import row_chunks
from lstm_model.data.har import HAR_TERMS
from lstm_model.data.linear import least_squares
from lstm_model.data.views import Rows

KNOTS = 257
"""Quantiles of a column that define its ranks: few enough to save, fine enough for the tails."""

NORMAL_IQR = 1.349
"""A normal distribution's interquartile range, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Scaler:
    """Statistics of the train block, by which features and labels are scaled.

    feature_means, feature_sds: mean and standard deviation; for robust, median and IQR / 1.349.
    label_mean, label_sd: always mean and standard deviation, so that losses are comparable; with a
        HAR skip, the intercept of HAR and the standard deviation of the label.
    knots: rising quantiles of each column, by which features are ranked; None unless rank.
    skip_weights: weights of HAR, if the network learns what HAR leaves of the label; else empty.
    """

    feature_means: Float[np.ndarray, " feature"]
    feature_sds: Float[np.ndarray, " feature"]
    label_mean: float
    label_sd: float
    knots: Float[np.ndarray, "knot feature"] | None = None
    skip_weights: tuple[float, ...] = ()

    @classmethod
    def fit(cls, rows: Rows, train: Int[np.ndarray, " sample"], kind: str = "standard") -> "Scaler":
        """Fit only on the rows that train windows cover, and on train labels."""
        covered = rows_covered(train, rows.window_length, len(rows.dates))
        labels = rows.labels[train]
        terms = rows.har_terms[train, : HAR_TERMS if rows.har_skip else 0]
        intercept, weights = least_squares(terms, labels)
        means, sds = _means_and_sds(rows.features, covered)
        knots = None
        if kind == "robust":
            columns = _columns(rows.features, covered)
            quartiles = [np.quantile(column, (0.25, 0.5, 0.75)) for column in columns]
            low, means, high = np.stack(quartiles, axis=1)
            spread = (high - low) / NORMAL_IQR
            # A column that rarely moves has an IQR of 0; its standard deviation keeps it bounded.
            sds = np.where(spread > 1e-12, spread, sds)
        elif kind == "rank":
            columns = _columns(rows.features, covered)
            knots = np.stack([_quantile_knots(column) for column in columns], axis=1)
        return cls(
            feature_means=means,
            feature_sds=sds,
            label_mean=intercept,
            label_sd=float(_sd_or_one(labels.std())),
            knots=knots,
            skip_weights=tuple(weights.tolist()),
        )

    def scale_features(
        self, features: Float[np.ndarray, "row feature"]
    ) -> Float32[np.ndarray, "row feature"]:
        """Return z-scores or normal scores; a column that is constant in train gives zeros."""
        scaled = np.empty(features.shape, dtype=np.float32)
        for rows, chunk in row_chunks(features):
            if self.knots is None:
                scaled[rows] = (chunk - self.feature_means) / self.feature_sds
            else:
                for column, knots in enumerate(self.knots.T):
                    scaled[rows, column] = _normal_scores(chunk[:, column], knots)
        return scaled

    def scale_labels(
        self, rows: Rows, ends: Int[np.ndarray, " sample"]
    ) -> Float[np.ndarray, " sample"]:
        """Return the network's targets, in standard deviations of the train labels."""
        left = rows.labels[ends] - self._expected(rows.har_terms[ends])
        scaled: np.ndarray = left / self.label_sd
        return scaled

    def unscale_forecasts(
        self, scaled: Float[np.ndarray, " sample"], har_terms: Float[np.ndarray, "sample term"]
    ) -> Float[np.ndarray, " sample"]:
        """Return forecasts in the target's own unit; a scaler without a skip ignores the terms."""
        forecasts: np.ndarray = scaled.astype(np.float64) * self.label_sd
        forecasts += self._expected(har_terms)
        return forecasts

    def _expected(
        self, har_terms: Float[np.ndarray, "sample term"]
    ) -> Float[np.ndarray, " sample"]:
        used = har_terms[:, : len(self.skip_weights)]
        expected: np.ndarray = self.label_mean + used @ np.array(self.skip_weights)
        return expected


def rows_covered(
    ends: Int[np.ndarray, " sample"], length: int, row_count: int
) -> Bool[np.ndarray, " row"]:
    """Mark the rows that lie in at least one window of `length` rows ending at `ends`."""
    steps = np.zeros(row_count + 1, dtype=np.int64)
    np.add.at(steps, ends - length + 1, 1)
    np.add.at(steps, ends + 1, -1)
    return np.cumsum(steps[:-1]) > 0


def _sd_or_one(sd: Float[np.ndarray, "..."] | np.float64) -> Float[np.ndarray, "..."]:
    # A deviation below 1e-12 is the rounding of a constant column.
    return np.where(sd > 1e-12, sd, 1.0)


def _means_and_sds(
    features: Float32[np.ndarray, "row feature"], covered: Bool[np.ndarray, " row"]
) -> tuple[Float[np.ndarray, " feature"], Float[np.ndarray, " feature"]]:
    """Return mean and standard deviation (1 if constant) of each column over the covered rows."""
    count, width = int(covered.sum()), features.shape[1]
    means = _sums(_covered_chunks(features, covered), width) / count
    deviations = (chunk - means for chunk in _covered_chunks(features, covered))
    squares = _sums((deviation**2 for deviation in deviations), width)
    return means, _sd_or_one(np.sqrt(squares / count))


def _covered_chunks(
    features: Float32[np.ndarray, "row feature"], covered: Bool[np.ndarray, " row"]
) -> Iterator[Float[np.ndarray, "covered feature"]]:
    for rows, chunk in row_chunks(features):
        yield chunk[covered[rows]].astype(np.float64)


def _sums(
    chunks: Iterable[Float[np.ndarray, "_ feature"]], width: int
) -> Float[np.ndarray, " feature"]:
    """Sum columns row by row: bit for bit the same as one sum over all rows."""
    total: np.ndarray = np.zeros(width)
    for chunk in chunks:
        total = np.concatenate([total[None], chunk]).sum(axis=0)
    return total


def _columns(
    features: Float32[np.ndarray, "row feature"], covered: Bool[np.ndarray, " row"]
) -> Iterator[Float[np.ndarray, " row"]]:
    """Yield the columns of the covered rows, gathered in one pass and widened one by one."""
    gathered = np.empty((features.shape[1], int(covered.sum())), dtype=np.float32)
    first = 0
    for rows, chunk in row_chunks(features):
        kept = chunk[covered[rows]]
        gathered[:, first : first + len(kept)] = kept.T
        first += len(kept)
    for column in gathered:
        yield column.astype(np.float64)


def _quantile_knots(column: Float[np.ndarray, " row"]) -> Float[np.ndarray, " knot"]:
    """Return a column's quantiles at (k + 1/2) / KNOTS; each is a value that occurs in it."""
    # The ceil(rows x level)-th smallest, in integers: a float level could give the next one.
    places = -(-len(column) * (2 * np.arange(KNOTS) + 1) // (2 * KNOTS)) - 1
    knots: np.ndarray = np.partition(column, places)[places]
    return knots


def _normal_scores(
    column: Float[np.ndarray, " row"], knots: Float[np.ndarray, " knot"]
) -> Float32[np.ndarray, " row"]:
    """Map values to the normal quantile of their rank among the knots; ties get the middle rank.

    Only the order of values matters, so any rising transform of a column gives the same scores.
    Beyond the outermost knots the score stays constant (about 2.9).
    Conover (1999), "Practical Nonparametric Statistics", ch. 5.10 (van der Waerden scores).
    """
    below = np.searchsorted(knots, column, side="left")
    up_to = np.searchsorted(knots, column, side="right")
    scores: np.ndarray = _score_table(len(knots))[below + up_to]
    return scores


@cache
def _score_table(knots: int) -> Float32[np.ndarray, " half_rank"]:
    ranks = np.clip(np.arange(2 * knots + 1), 1, 2 * knots - 1) / (2 * knots)
    return np.array([NormalDist().inv_cdf(rank) for rank in ranks], dtype=np.float32)
