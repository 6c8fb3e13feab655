"""ExogenousConfig: a series that is joined to the features of every ticker, and not forecast."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from lstm_model.config.section import Section
from lstm_model.config.tickers import check_ticker

ExogenousColumn = Literal["log_change", "log_level", "log_range"]

MOST_LAG_SESSIONS = 60
"""With a level over 60 sessions, a value uses half of the 250 bars that every column may use."""


class ExogenousConfig(Section):
    """A series beside the bars that are forecast, such as a volatility index, an index or a rate.

    It is fetched, cleaned and stored like every ticker, but has no samples.
    """

    ticker: Annotated[str, AfterValidator(check_ticker)]
    """Ticker of the series, as the source spells it; it must not be in `data.tickers`."""
    columns: Annotated[tuple[ExogenousColumn, ...], Field(min_length=1)] = (
        "log_change",
        "log_level",
        "log_range",
    )
    """Columns made of its adjusted prices: log change of the close, log close less its mean over 60
    sessions, log of high over low."""
    market: Annotated[str, Field(min_length=1)] | None = None
    """Exchange calendar whose closes tell when a bar is known (`XNYS`, `24/7`); null takes the
    ticker's suffix, `XNYS` for plain tickers and well-known US indices."""
    lag_sessions: Annotated[StrictInt, Field(ge=0, le=MOST_LAG_SESSIONS)] = 0
    """Sessions of the series after whose close a value is published; 0 means at its own close."""
    max_age_sessions: Annotated[StrictInt, Field(ge=0)] = 5
    """Bars of the forecast ticker for which the newest value may stand in; older ones are masked.
    """
