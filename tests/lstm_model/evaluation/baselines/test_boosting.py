"""Claims about gradient boosting: what it can learn, and what chooses its size."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.evaluation.baselines.boosting import boosting
from lstm_model.evaluation.baselines.linear import har, har_linear
from tests.lstm_model.evaluation.baselines.conftest import split_rows


def error(baseline: Callable, split: ChronoSplit) -> float:
    fitted = baseline(split.search)(split.search.rows, split.search.train)
    truth = split.held_out.rows.labels[split.held_out.test]
    return float(np.mean((fitted(split.held_out.rows, split.held_out.test) - truth) ** 2))


def test_it_learns_what_a_line_cannot(make_rows: Callable[..., Rows]) -> None:
    """A label that depends on a product of features is learnt by trees and by no linear rival."""
    rows = make_rows(400, har=6, seed=1)
    crossed = np.sign(rows.features[:, 0] - 3) * np.sign(rows.features[:, 1] - 3)
    rows.labels[:] = rows.har_terms[:, 0] + 2 * crossed + 0.1 * rows.labels
    split = split_rows(rows)
    assert error(boosting, split) < 0.5 * error(har_linear, split)


def test_on_noise_it_stays_near_har(make_rows: Callable[..., Rows]) -> None:
    """Where features say nothing, few or no trees are taken."""
    rows = make_rows(400, har=6, seed=1)
    rows.labels[:] = rows.har_terms[:, 0] + rows.labels
    split = split_rows(rows)
    assert error(boosting, split) < 1.05 * error(har, split)


def test_validation_does_not_choose_its_size(tiny: ChronoSplit) -> None:
    """Other labels on validation change no forecast: the end of train chooses."""
    rows = tiny.search.rows
    labels = rows.labels.copy()
    labels[tiny.search.validation] *= -5
    other = replace(tiny, search=replace(tiny.search, rows=replace(rows, labels=labels)))
    assert error(boosting, other) == error(boosting, tiny)


def test_a_short_train_block_has_no_trees(tiny: ChronoSplit) -> None:
    """Where train is too short to be divided, the forecast is HAR's."""
    short = replace(tiny, search=replace(tiny.search, train=np.arange(30, 54)))
    assert error(boosting, short) == error(har, short)
