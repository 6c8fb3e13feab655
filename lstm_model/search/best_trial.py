"""Choose among completed trials: the best one, or the cheapest that is about as good."""

from collections.abc import Sequence

from lstm_model.search.trial import Trial


def best_by_loss(completed: Sequence[Trial]) -> Trial:
    """Return the trial with the lowest loss; on a tie, the one with the lower number."""
    return min(completed, key=lambda trial: (trial.loss, trial.number))


def cheapest_within_one_error(completed: Sequence[Trial]) -> Trial:
    """Return the fastest trial whose loss is within one standard error of the lowest loss.

    Breiman, Friedman, Olshen & Stone (1984), "Classification and Regression Trees", section 3.4.3.
    """
    best = best_by_loss(completed)
    limit = (best.loss or 0.0) + (best.standard_error or 0.0)
    good = [trial for trial in completed if trial.loss is not None and trial.loss <= limit]
    return min(good, key=lambda trial: (trial.seconds, trial.number))
