"""LinearForecast: least squares on a few terms, then ridge on the last bar's features."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

PENALTIES = tuple(10.0**power for power in range(-1, 7))
"""Of ridge on standardised features; from no shrinkage to nothing but the terms."""

FARTHEST = 4.0
"""Standard deviations at which a feature is clipped: one bar of ^IXIC has a volume 117 below the
mean, and a line through it forecasts nonsense."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LinearForecast:
    """A linear forecast of the label.

    term_weights: of the first columns of a row's terms. feature_means, feature_sds,
    feature_weights: of the features, which are standardised and clipped; empty if not used.
    """

    intercept: float
    term_weights: Numbers = ()
    feature_means: Numbers = ()
    feature_sds: Numbers = ()
    feature_weights: Numbers = ()

    def forecast(
        self,
        terms: Float[np.ndarray, "sample term"],
        features: Float[np.ndarray, "sample feature"],
    ) -> Float[np.ndarray, " sample"]:
        """Forecast samples from their terms and from the features of their last bar."""
        used = terms[:, : len(self.term_weights)]
        values: Float[np.ndarray, " sample"] = self.intercept + used @ np.array(self.term_weights)
        if self.feature_weights:
            scaled = _standardised(
                features, np.array(self.feature_means), np.array(self.feature_sds)
            )
            values = values + scaled @ np.array(self.feature_weights)
        return values


def fit_linear(
    terms: Float[np.ndarray, "sample term"],
    features: Float[np.ndarray, "sample feature"],
    labels: Float[np.ndarray, " sample"],
    penalty: float | None = None,
) -> LinearForecast:
    """Fit the terms by least squares and, with a penalty, ridge of the residual on the features.

    A constant feature gets no weight. Without terms the intercept is exactly the labels' mean.
    Hoerl & Kennard (1970), Technometrics 12(1), 55-67.
    """
    intercept, weights = least_squares(terms, labels)
    if penalty is None:
        return LinearForecast(intercept, tuple(weights.tolist()))
    residual = labels - intercept - terms @ weights
    means, sds = features.mean(axis=0, dtype=float), features.std(axis=0, dtype=float)
    sds = np.where(sds > 1e-12, sds, np.inf)
    scaled = _standardised(features, means, sds)
    centre = scaled.mean(axis=0)  # clipping moves it a little
    centred = scaled - centre
    gram = centred.T @ centred + penalty * np.eye(scaled.shape[1])
    slopes = np.linalg.solve(gram, centred.T @ residual)
    return LinearForecast(
        intercept=intercept - float(centre @ slopes),
        term_weights=tuple(weights.tolist()),
        feature_means=tuple(means.tolist()),
        feature_sds=tuple(sds.tolist()),
        feature_weights=tuple(slopes.tolist()),
    )


def _standardised(
    features: Float[np.ndarray, "sample feature"],
    means: Float[np.ndarray, " feature"],
    sds: Float[np.ndarray, " feature"],
) -> Float[np.ndarray, "sample feature"]:
    scaled: Float[np.ndarray, "sample feature"] = (features.astype(np.float64) - means) / sds
    return scaled.clip(-FARTHEST, FARTHEST)


def least_squares(
    terms: Float[np.ndarray, "sample term"], labels: Float[np.ndarray, " sample"]
) -> tuple[float, Float[np.ndarray, " term"]]:
    """Return intercept and weights; without terms the intercept is exactly the labels' mean."""
    if not terms.shape[1]:
        return float(labels.mean()), np.empty(0)
    design = np.column_stack([np.ones(len(terms)), terms])
    intercept, *weights = np.linalg.lstsq(design, labels, rcond=None)[0]
    return float(intercept), np.array(weights)
