"""Bars: a validated panel of unadjusted daily prices and corporate actions, and its adjustment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
from jaxtyping import Bool

from lstm_model.errors import BarsError

PRICES = ("open", "high", "low", "close")

BARS_SCHEMA = pa.DataFrameSchema(
    {
        "ticker": pa.Column(str),
        "date": pa.Column("datetime64[us]"),
        **{price: pa.Column(float, [pa.Check.gt(0), pa.Check.lt(np.inf)]) for price in PRICES},
        "volume": pa.Column(float, [pa.Check.ge(0), pa.Check.lt(np.inf)]),
        "dividends": pa.Column(float, [pa.Check.ge(0), pa.Check.lt(np.inf)]),
        "stock_splits": pa.Column(float, [pa.Check.ge(0), pa.Check.lt(np.inf)]),
        "split_factor": pa.Column(float, [pa.Check.gt(0), pa.Check.lt(np.inf)]),
        "dividend_factor": pa.Column(float, [pa.Check.gt(0), pa.Check.lt(np.inf)]),
    },
    checks=[
        pa.Check(lambda frame: frame["low"] <= frame[["open", "close"]].min(axis=1), name="low"),
        pa.Check(lambda frame: frame["high"] >= frame[["open", "close"]].max(axis=1), name="high"),
        pa.Check(
            lambda frame: frame.groupby("ticker", sort=False)["date"].is_monotonic_increasing.all(),
            name="ascending dates",
        ),
    ],
    unique=["ticker", "date"],
    strict=True,
    ordered=True,
)
"""Rules on which every later stage relies."""


Histories = dict[str, pd.DataFrame]
"""Adjusted bars by ticker, each by ascending date."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect found in raw bars, and the action its rule took; `count` bars share it."""

    ticker: str
    date: str
    rule: str
    value: str
    action: Literal["repaired", "noted"]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Bars:
    """Validated daily bars of one or more tickers, in the order of the configuration, then by date.

    Prices and volume are the source's, except for the repairs listed in `findings`. `split_factor`
    and `dividend_factor` are the day's adjustment of a holder's wealth per share.
    """

    frame: pd.DataFrame
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        try:
            BARS_SCHEMA.validate(self.frame)
        except (pa.errors.SchemaError, pa.errors.SchemaErrors) as error:
            message = " ".join(str(error).split())
            raise BarsError(f"bars break the schema: {message[:300]}") from error

    @property
    def tickers(self) -> tuple[str, ...]:
        """The tickers, in the order of their rows."""
        return tuple(self.frame["ticker"].unique())

    def of(self, ticker: str) -> pd.DataFrame:
        """Return one ticker's rows, by ascending date."""
        return self.frame[self.frame["ticker"] == ticker].reset_index(drop=True)

    def where(self, kept: Bool[np.ndarray, " row"]) -> "Bars":
        """Return some of the rows; they stay valid and are not validated again."""
        return Bars.trusted(self.frame[kept].reset_index(drop=True), self.findings)

    @classmethod
    def trusted(cls, frame: pd.DataFrame, findings: tuple[Finding, ...] = ()) -> "Bars":
        """Return rows that were validated before, as a hash or their origin shows, as Bars."""
        bars = object.__new__(cls)
        object.__setattr__(bars, "frame", frame)
        object.__setattr__(bars, "findings", findings)
        return bars

    def by_ticker(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each ticker's rows, in one pass over the panel."""
        for ticker, frame in self.frame.groupby("ticker", sort=False):
            yield str(ticker), frame.reset_index(drop=True)


def join_panel(parts: list[Bars]) -> Bars:
    """Stack the bars of several tickers into one panel."""
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return Bars(frame, tuple(finding for part in parts for finding in part.findings))


def adjust(bars: Bars, ticker: str) -> pd.DataFrame:
    """Return one ticker's forward-adjusted prices: a holder's wealth since the first bar.

    Each price is multiplied by all split and dividend factors up to its own date, so a value never
    changes when later bars or actions arrive (backward adjustment, as vendors do it, rewrites the
    past at every dividend). Returns and ratios equal those of a backward adjustment: a day's return
    is C / (C_prev - D) - 1. CRSP's holding period return is (C + D) / C_prev - 1; the two differ by
    the dividend yield times about the return and the yield.
    """
    return _adjust(bars.of(ticker))


def adjust_all(bars: Bars) -> Histories:
    """Return every ticker's adjusted prices, as `adjust` gives them, in the order of the panel."""
    return {ticker: _adjust(frame) for ticker, frame in bars.by_ticker()}


def _adjust(frame: pd.DataFrame) -> pd.DataFrame:
    split_growth = frame["split_factor"].cumprod()
    growth = split_growth * frame["dividend_factor"].cumprod()
    adjusted = {price: frame[price] * growth for price in PRICES}
    return frame.assign(**adjusted, volume=frame["volume"] / split_growth)
