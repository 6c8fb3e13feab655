"""A panel of a crypto currency, which trades every day, and of a stock."""

from pathlib import Path

import numpy as np
import pytest

from flows.cli import call
from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Bars, join_panel
from lstm_model.data.calendar import dates_of, next_session
from lstm_model.data.market import portfolio_sessions_a_year, ticker_sessions_a_year
from lstm_model.data.targets import compute_targets
from tasks.data.clean import clean_raw
from tasks.data.sources import open_source

ROOT = Path(__file__).resolve().parents[2]
CASE = Path(__file__).with_name("crypto_and_stock")
TICKERS = ("BTC-USD", "X")


@pytest.fixture(scope="module")
def panel() -> Bars:
    data = DataConfig(source="csv", csv_dir=CASE, tickers=TICKERS, start=None)
    source = open_source(data)
    return join_panel([clean_raw(source.fetch(t, None, None), t, data) for t in TICKERS])


def test_the_dates_of_one_ticker_are_said_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One note names how many dates have the crypto currency only, and the first of them."""
    settings = [
        "data.source=csv", f"data.csv_dir={CASE}", "data.tickers=[BTC-USD, X]", "data.start=null",
        f"data.raw_dir={tmp_path / 'raw'}", f"data.data_dir={tmp_path / 'sets'}",
    ]  # fmt: skip
    config = ["--config", str(ROOT / "configs" / "volatility.yaml")]
    words = ["audit", *config, *(word for setting in settings for word in ("--set", setting))]
    assert call(words) == 0
    assert capfd.readouterr().err.splitlines() == [
        "note: Of the panel, 240 of 760 dates have one ticker only: 2022-01-08, 2022-01-09, "
        "2022-01-15, ... (BTC-USD)."
    ]


def test_each_has_the_sessions_of_its_market() -> None:
    """The crypto currency has 365 sessions a year, the stock 252, and their portfolio 365."""
    found = [ticker_sessions_a_year(ticker, None) for ticker in TICKERS]
    assert found == [365, 252]
    assert portfolio_sessions_a_year(TICKERS, None) == 365


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
def test_friday_is_labelled_by_the_tickers_own_next_bar(panel: Bars, kind: str) -> None:
    """The stock's Friday is labelled by its Monday, the crypto currency's by its Saturday.

    Before a Monday's holiday it is the Tuesday.
    """
    targets = compute_targets(panel, kind, 1)  # type: ignore[arg-type]
    for ticker, market in zip(TICKERS, ("24/7", "XNYS"), strict=True):
        own = (panel.frame["ticker"] == ticker).to_numpy()
        dates = panel.frame["date"][own]
        friday = ((dates.dt.weekday == 4).to_numpy()) & (dates < dates.iloc[-1]).to_numpy()
        assert friday.sum() >= 100
        ends = dates_of(targets.label_end[own][friday])
        assert list(ends) == [next_session(market, day) for day in dates[friday].dt.date]
        mondays = sum(end.weekday() == 0 for end in ends)
        assert mondays == (0 if market == "24/7" else 90)
        # The label of a bar is what is known at the next one.
        np.testing.assert_array_equal(targets.label[own][:-1], targets.last_value[own][1:])
