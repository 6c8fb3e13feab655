"""Claims about the whole view: every sample of both views once, with its own window and label."""

from collections.abc import Callable

import numpy as np
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import Bars, adjust_all
from lstm_model.data.calendar import day_of
from lstm_model.data.features import compute_features
from lstm_model.data.targets import tabulate_targets
from lstm_model.data.views import ChronoSplit
from lstm_model.data.whole import row_count, whole_rows, whole_samples

LENGTH = 20


@pytest.fixture(scope="module")
def panel(make_bars: Callable[..., Bars]) -> Bars:
    """Two tickers, of which one starts later and misses sessions."""
    return make_bars(700, 560, offsets=(0, 140), missing=0.05)


@pytest.fixture(scope="module")
def split(panel: Bars) -> ChronoSplit:
    config = parse_config(
        {"data": {"tickers": ["T0", "T1"]}, "windows": {"length": LENGTH},
         "target": {"kind": "log_volatility"}}
    )  # fmt: skip
    histories = adjust_all(panel)
    return split_chronologically(
        compute_features(panel, config.features, histories),
        tabulate_targets(histories, "log_volatility", 1),
        config,
    )


def test_every_sample_is_there_once(split: ChronoSplit) -> None:
    """Ticker, day, label and window of each sample are those of its own view, and none is new."""
    parts = list(whole_rows(split))
    codes = np.concatenate([part.ticker_of_row for part in parts])
    days = np.concatenate([part.dates for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    features = np.concatenate([part.features for part in parts])
    ends = whole_samples(split)
    assert len(days) == row_count(split)
    found = {
        (codes[end], days[end]): (labels[end], features[end - LENGTH + 1 : end + 1].tobytes())
        for end in ends
    }
    expected = {}
    for rows, blocks in (
        (split.search.rows, (split.search.train, split.search.validation)),
        (split.held_out.rows, (split.held_out.test,)),
    ):
        for end in np.concatenate(blocks):
            window = rows.features[end - LENGTH + 1 : end + 1].tobytes()
            expected[rows.ticker_of_row[end], rows.dates[end]] = rows.labels[end], window
    assert found == expected
    assert len(found) == len(ends)


def test_rows_ascend_within_a_ticker(split: ChronoSplit) -> None:
    """Days of a ticker ascend without a gap in the rows between the two views."""
    for code, part in enumerate(whole_rows(split)):
        assert set(part.ticker_of_row) == {code}
        assert (np.diff(part.dates) > 0).all()
        before = part.dates < day_of(split.test_start)
        own = split.search.rows.ticker_of_row == code
        assert before.sum() == own.sum()
