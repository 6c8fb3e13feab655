"""Walk-forward folds: the search view split into expanding, purged train and validation blocks."""

import itertools
from fractions import Fraction

import numpy as np
from jaxtyping import Int

from lstm_model.data.split import MIN_BLOCK_SAMPLES
from lstm_model.data.views import SearchView
from lstm_model.errors import SplitError

FIRST_TRAIN_SHARE = Fraction(1, 2)
"""Share of the dates on which the first fold trains; the folds validate on the rest in turn."""


def walk_forward(view: SearchView, count: int, purge_bars: int) -> tuple[SearchView, ...]:
    """Return `count` views; each trains on everything before its own validation block.

    Labels of train samples end before the block begins, with `purge_bars` sessions in between.
    Raises SplitError if a block would have fewer than 20 samples. Lopez de Prado (2018), "Advances
    in Financial Machine Learning", ch. 12.
    """
    rows = view.rows
    samples: Int[np.ndarray, " sample"] = np.sort(np.concatenate([view.train, view.validation]))
    dates = rows.dates[samples]
    calendar = np.unique(rows.dates)
    session = np.searchsorted(calendar, dates)
    days = np.unique(dates)
    step = (1 - FIRST_TRAIN_SHARE) / count
    edges = [round(len(days) * (FIRST_TRAIN_SHARE + part * step)) for part in range(count + 1)]
    folds = []
    for first, last in itertools.pairwise(edges):
        start, end = int(days[first]), int(days[last - 1])
        clear = session < np.searchsorted(calendar, start) - purge_bars
        train = samples[clear & (rows.label_ends[samples] < start)]
        validation = samples[(dates >= start) & (dates <= end)]
        if min(len(train), len(validation)) < MIN_BLOCK_SAMPLES:
            raise SplitError(
                f"each of {count} folds needs >= {MIN_BLOCK_SAMPLES} samples to train and to "
                f"validate but one has {len(train)} and {len(validation)}; lower search.folds or "
                f"use a longer history"
            )
        folds.append(SearchView(rows, train, validation))
    return tuple(folds)
