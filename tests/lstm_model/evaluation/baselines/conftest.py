"""A split of drawn rows, on which every baseline can be fitted."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView

TRAIN, VALIDATION = np.arange(30, 260), np.arange(264, 330)
LAST, TEST_ROWS, LENGTH = 340, 60, 3


def split_rows(rows: Rows) -> ChronoSplit:
    """Divide one ticker's rows as a data set does: the test view has a window of earlier rows."""
    day = dt.date(2020, 1, 1)
    search = cut(rows, slice(0, LAST))
    held_out = cut(rows, slice(LAST - LENGTH + 1, LAST + TEST_ROWS))
    test = np.arange(LENGTH - 1, LENGTH - 1 + TEST_ROWS)
    return ChronoSplit(SearchView(search, TRAIN, VALIDATION), TestView(held_out, test), day, day)


def cut(rows: Rows, part: slice) -> Rows:
    """Return some of the rows."""
    names = (
        "ticker_of_row", "dates", "features", "labels", "label_ends", "last_values", "har_terms",
        "log_returns",
    )  # fmt: skip
    return replace(rows, **{name: getattr(rows, name)[part] for name in names})


@pytest.fixture
def tiny(make_rows: Callable[..., Rows]) -> ChronoSplit:
    """Return rows whose target depends on the terms and on the features of the last bar."""
    rows = make_rows(LAST + TEST_ROWS, har=6, seed=1)
    rows.labels[:] += rows.features @ np.array([0.5, -0.3]) + rows.har_terms @ np.full(6, 0.4)
    return split_rows(rows)
