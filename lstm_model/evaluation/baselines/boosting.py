"""Gradient boosting on the features of the last bar; for volatility it corrects HAR."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lstm_model.data.har import HAR_TERMS
from lstm_model.data.linear import fit_linear
from lstm_model.data.views import Rows, SearchView
from lstm_model.evaluation.baselines.fitted import Ends, Fitter, Forecaster, Values
from lstm_model.model.one_thread import one_thread

ROUNDS = 200
RATE, LEAVES, LEAF_SAMPLES = 0.05, 15, 50
"""Slow and shallow, because daily labels are nearly all noise."""

EARLY = 0.85
"""Share of train's dates on which the trees are fitted whose number the rest chooses."""

MOST_SAMPLES = 200_000
"""More samples than this are thinned evenly."""


def boosting(view: SearchView) -> Fitter:
    """Fit shallow trees to what HAR, or the mean, leaves; the end of train chooses how many.

    Validation does not, because among 200 numbers of trees one looks too good there. Friedman
    (2001), "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics
    29(5), 1189-1232.
    """
    rows = view.rows
    early, late = _divide(rows, view.train)
    rounds = 0  # HAR, or the mean, alone
    if len(early) >= LEAF_SAMPLES and len(late):
        candidates = _Boosted(rows, early, ROUNDS)
        errors = [np.mean((v - rows.labels[late]) ** 2) for v in candidates.staged(rows, late)]
        rounds = int(np.argmin(errors))

    def fit(rows: Rows, samples: Ends) -> Forecaster:
        return _Boosted(rows, samples, rounds).forecast

    return fit


def _divide(rows: Rows, train: Ends) -> tuple[Int[np.ndarray, " early"], Int[np.ndarray, " late"]]:
    """Divide samples by date; the labels of the first part end before the second begins."""
    days = np.unique(rows.dates[train])
    start = days[int(len(days) * EARLY)]
    early = train[rows.label_ends[train] < start]
    return early, train[rows.dates[train] >= start]


class _Boosted:
    """A linear forecast and the trees that correct it."""

    def __init__(self, rows: Rows, samples: Ends, rounds: int) -> None:
        # Takes 1 s to import, and the workers that score trials have no baselines.
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415

        thinned = samples[:: -(-len(samples) // MOST_SAMPLES)]
        labels, features = rows.labels[thinned], rows.features[thinned]
        self.base = fit_linear(rows.har_terms[thinned, :HAR_TERMS], features, labels)
        self.trees: Any = None
        if rounds:
            trees = HistGradientBoostingRegressor(
                learning_rate=RATE,
                max_iter=rounds,
                max_leaf_nodes=LEAVES,
                min_samples_leaf=LEAF_SAMPLES,
                early_stopping=False,
                random_state=0,
            )
            with one_thread():
                self.trees = trees.fit(
                    self._inputs(rows, thinned), labels - self._linear(rows, thinned)
                )

    def forecast(self, rows: Rows, ends: Ends) -> Values:
        """Forecast with all trees."""
        *_, last = self.staged(rows, ends)
        return last

    def staged(self, rows: Rows, ends: Ends) -> Iterator[Values]:
        """Yield the forecast without trees, then with one more each time."""
        linear = self._linear(rows, ends)
        yield linear
        if self.trees is not None:
            with one_thread():
                corrections = list(self.trees.staged_predict(self._inputs(rows, ends)))
            for correction in corrections:
                yield linear + correction

    def _linear(self, rows: Rows, ends: Ends) -> Values:
        return self.base.forecast(rows.har_terms[ends], rows.features[ends])

    def _inputs(self, rows: Rows, ends: Ends) -> Float[np.ndarray, "sample input"]:
        return np.column_stack([rows.features[ends], rows.har_terms[ends]])
