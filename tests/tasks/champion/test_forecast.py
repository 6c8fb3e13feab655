"""What came of a forecast, from the bars that followed."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.champion.ledger_entry import Score, link
from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Bars
from lstm_model.data.cleaning import clean_bars
from lstm_model.errors import ChampionError
from tasks.champion.forecast import new_scores, require_newest_sessions
from tests.stored import raw_bars
from tests.tasks.champion.test_ledger import forecast

NIGHT = dt.datetime(2026, 1, 1)


def bars_until(rows: int) -> Bars:
    return clean_bars(raw_bars().head(rows), "X")


def test_a_forecast_is_scored_once_its_bars_are_there() -> None:
    """The truth is the label that starts after the forecast's last bar; each is scored once."""
    raw = raw_bars()
    made = [link(None, replace(forecast(), last_bar=raw["date"][30]), NIGHT)]
    assert new_scores(made, bars_until(31), NIGHT) == []
    (score,) = new_scores(made, bars_until(32), NIGHT)
    row = raw.loc[31]
    expected = np.log(np.log(row["high"] / row["low"]) ** 2 / (4 * np.log(2)))
    assert score == Score(1, score.truth, raw["date"][31], "2026-01-01T00:00:00")
    assert score.truth == pytest.approx(expected)
    made.append(link(made[-1], score, NIGHT))
    assert new_scores(made, bars_until(33), NIGHT) == []


def test_a_session_that_never_opened_is_scored_by_the_next_bar() -> None:
    """The calendar expected another session: the label is that of the bar that came."""
    raw = raw_bars()
    made = replace(forecast(), last_bar=raw["date"][30], session=raw["date"][31])
    without = raw.drop(index=31)
    (score,) = new_scores([link(None, made, NIGHT)], clean_bars(without.head(32), "X"), NIGHT)
    assert score.label_end == raw["date"][32]


def test_a_ticker_that_left_the_universe_has_no_score() -> None:
    """Its forecast stays open, and the others are scored."""
    raw = raw_bars()
    gone = link(None, replace(forecast(ticker="GONE"), last_bar=raw["date"][30]), NIGHT)
    stays = link(gone, replace(forecast(), last_bar=raw["date"][30]), NIGHT)
    (score,) = new_scores([gone, stays], bars_until(33), NIGHT)
    assert score.of == 2


@pytest.mark.parametrize(("now", "missing"), [("2020-02-26T20:59Z", 0), ("2020-02-26T21:01Z", 1)])
def test_a_forecast_follows_the_newest_session(now: str, missing: int) -> None:
    """Once a session has closed, its bar must be there before the next one is forecast."""
    bars = clean_bars(raw_bars(), "X")
    data, moment = DataConfig(tickers=("X",)), dt.datetime.fromisoformat(now)
    if missing:
        with pytest.raises(ChampionError, match="1 have closed since the last bar with prices"):
            require_newest_sessions(bars, data, moment)
    else:
        require_newest_sessions(bars, data, moment)
