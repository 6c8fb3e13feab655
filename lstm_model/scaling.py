"""Scaler: features and label in units of the train block, by mean, by median or by rank."""

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Float32, Int

from lstm_model.split import Rows

KNOTS = 257
"""Quantiles of a column that ranks are told by: few enough to save, fine enough for the tails."""

NORMAL_IQR = 1.349
"""A normal distribution's interquartile range, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Scaler:
    """What the train block says of features and label.

    Of the features mean and standard deviation, or, robust, median and IQR / 1.349; with `knots`
    (quantiles of each column, rising) features are ranked instead. The label's are always mean and
    standard deviation, so that losses compare.
    """

    feature_means: Float[np.ndarray, " feature"]
    feature_sds: Float[np.ndarray, " feature"]
    label_mean: float
    label_sd: float
    knots: Float[np.ndarray, "knot feature"] | None = None

    @classmethod
    def fit(cls, rows: Rows, train: Int[np.ndarray, " sample"], kind: str = "standard") -> "Scaler":
        """Fit on the rows that train windows cover and on train labels, and on nothing else."""
        covered = rows_covered(train, rows.window_length, len(rows.dates))
        values = rows.features[covered].astype(np.float64)
        labels = rows.labels[train]
        means, sds = values.mean(axis=0), _sd_or_one(values.std(axis=0))
        if kind == "robust":
            low, means, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
            spread = (high - low) / NORMAL_IQR
            # A column that rarely moves has no IQR; its standard deviation keeps it in bounds.
            sds = np.where(spread > 1e-12, spread, sds)
        return cls(
            feature_means=means,
            feature_sds=sds,
            label_mean=float(labels.mean()),
            label_sd=float(_sd_or_one(labels.std())),
            knots=_quantile_knots(values) if kind == "rank" else None,
        )

    def scale_features(
        self, features: Float[np.ndarray, "row feature"]
    ) -> Float32[np.ndarray, "row feature"]:
        """Return z-scores or normal scores; a column that is constant in train has none, but 0s."""
        if self.knots is not None:
            columns = zip(features.T, self.knots.T, strict=True)
            return np.stack([_normal_scores(*pair) for pair in columns], axis=1)
        scaled: np.ndarray = (features - self.feature_means) / self.feature_sds
        return scaled.astype(np.float32)

    def scale_labels(self, labels: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """Return labels in units of the train labels' standard deviation."""
        return (labels - self.label_mean) / self.label_sd

    def unscale_labels(self, labels: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """Return labels in the target's own unit."""
        return labels.astype(np.float64) * self.label_sd + self.label_mean


def rows_covered(
    ends: Int[np.ndarray, " sample"], length: int, row_count: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the rows that lie in at least one window of `length` rows ending at `ends`."""
    steps = np.zeros(row_count + 1, dtype=np.int64)
    np.add.at(steps, ends - length + 1, 1)
    np.add.at(steps, ends + 1, -1)
    return np.cumsum(steps[:-1]) > 0


def _sd_or_one(sd: Float[np.ndarray, "..."] | np.float64) -> Float[np.ndarray, "..."]:
    # Deviations below 1e-12 are rounding of a constant column.
    return np.where(sd > 1e-12, sd, 1.0)


def _quantile_knots(
    values: Float[np.ndarray, "row feature"],
) -> Float[np.ndarray, "knot feature"]:
    """Return each column's quantiles at (k + 1/2) / KNOTS; each is a value that occurs in it."""
    levels = (np.arange(KNOTS) + 0.5) / KNOTS
    knots: np.ndarray = np.quantile(values, levels, axis=0, method="inverted_cdf")
    return knots


def _normal_scores(
    column: Float[np.ndarray, " row"], knots: Float[np.ndarray, " knot"]
) -> Float32[np.ndarray, " row"]:
    """Map values to the normal quantile of their rank among the knots; ties share the middle.

    Only the order of values matters, so any rising transform of a column gives the same scores.
    Beyond the outermost knots the score stays theirs (about 2.9).
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
