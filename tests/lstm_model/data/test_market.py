"""Claims about the market of a ticker and its sessions a year."""

import pytest

from lstm_model.data.market import Market, market_of, portfolio_sessions_a_year


@pytest.mark.parametrize(
    ("ticker", "configured", "market"),
    [
        ("7203.T", None, Market("XTKS")),
        ("7203.T", "XNYS", Market("XTKS")),
        ("BTC-USD", "XNYS", Market("24/7")),
        ("EURUSD=X", None, Market("24/5")),
        ("AAPL", None, Market("XNYS", presumed=True)),
        ("BRK-B", None, Market("XNYS", presumed=True)),
        ("AAPL", "XLON", Market("XLON")),
        ("^GSPC", None, Market(None)),
        ("MY_FUND", "XETR", Market("XETR")),
    ],
)
def test_the_suffix_names_the_market(ticker: str, configured: str | None, market: Market) -> None:
    """The suffix counts first, then the configured market; a plain ticker is presumed a US one."""
    assert market_of(ticker, configured) == market


@pytest.mark.parametrize(
    ("tickers", "configured", "sessions"),
    [
        (["^GSPC"], None, 252),
        (["AAPL", "MSFT"], None, 252),
        (["^N225"], "XTKS", 245),
        (["7203.T"], None, 245),
        (["EURUSD=X"], None, 261),
        (["ETH-USD"], None, 365),
        (["AAPL", "ETH-USD"], None, 365),
        (["AAPL", "7203.T"], None, 260),
        (["^N225", "7203.T"], "XTKS", 245),
    ],
)
def test_a_portfolio_has_a_return_where_any_ticker_trades(
    tickers: list[str], configured: str | None, sessions: int
) -> None:
    """A year of a portfolio has the sessions of all its markets together, each date once."""
    assert portfolio_sessions_a_year(tickers, configured) == sessions
