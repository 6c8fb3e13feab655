"""Dividends: which are paid on top of the prices, and which are listed wrongly."""

from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.cleaning.ordinary import usual_move
from lstm_model.data.cleaning.record import LEAVE_OUT, Record, day
from lstm_model.data.cleaning.rules import CleaningRules

DECISIVE_RAW, DECISIVE_ADJUSTED = np.log(200.0), np.log(20.0)
"""Log likelihood ratios of the ex-dates at which they decide; most such files are adjusted."""

PENCE = 0.2
"""Share of the price over which a dividend that did not move it is in hundredths."""

PRICED = 0.1
REPEATED_BARS = 3


def settle_prices(
    frame: pd.DataFrame, rules: CleaningRules, factor: Float[np.ndarray, " row"], record: Record
) -> pd.DataFrame:
    """Return bars whose dividends are not in the prices; raises BarsError if that is unknown.

    Dividends without an adjusted close are how vendors give adjusted prices, and adding them again
    would count them twice. On an ex-date a raw close falls by the dividend, an adjusted one does
    not; if all ex-dates together decide (200 to 1 for raw, 20 to 1 for adjusted), their answer is
    taken and noted. An adjusted close that equals the close on all ex-dates tells nothing.
    """
    paid = frame["dividends"].fillna(0.0).to_numpy()
    rows = np.flatnonzero(paid[1:] > 0) + 1
    silent = "adj_close" in frame and rules.prices is None
    if silent and (frame["adj_close"] != frame["close"]).iloc[np.union1d(rows, rows - 1)].any():
        return frame
    if not len(rows):
        return frame
    prices = rules.prices or _by_ex_dates(frame["close"].to_numpy(), paid, factor, rows)
    date = frame["date"].iloc[rows[0]]
    if silent and prices != "adjusted":
        return frame
    if prices is None:
        raise record.refusal(
            "dividends_twice", date,
            f"{len(rows)} dividends but no adj_close: they may already be in the prices",
            "set data.prices to adjusted if they are (yfinance's default), to raw if not",
        )  # fmt: skip
    if prices == "adjusted":
        record.noted("dividends_in_prices", date, f"{len(rows)} dividends are not added again")
        return frame.assign(dividends=0.0)
    if rules.prices is None:
        record.noted(
            "raw_prices", date, f"closes fall by the {len(rows)} dividends: they are added"
        )
    return frame


def _by_ex_dates(
    close: Float[np.ndarray, " row"],
    paid: Float[np.ndarray, " row"],
    factor: Float[np.ndarray, " row"],
    rows: "np.ndarray[tuple[int], np.dtype[np.intp]]",
) -> Literal["raw", "adjusted"] | None:
    growth = close[rows] / close[rows - 1] * factor[rows]
    share = paid[rows] / close[rows - 1] * factor[rows]
    share = np.where((share > PENCE) & (1 - growth < share / 2), share / 100, share)
    moves, drops = np.log(growth), -np.log1p(-np.clip(share, 0, 0.9))
    sigma = np.maximum(usual_move(close)[rows], 0.005)
    # News falls on ex-dates too: a real one fell by 3 usual moves, just its dividend, although
    # the dividend was in the prices. So each date counts for 7 to 1 at most.
    ratios = np.clip((moves**2 - (moves + drops) ** 2) / (2 * sigma**2), -2.0, 2.0)
    evidence = float(ratios.sum())
    if evidence > DECISIVE_RAW:
        return "raw"
    return "adjusted" if evidence < -DECISIVE_ADJUSTED else None


def repair_dividends(
    frame: pd.DataFrame,
    paid: Float[np.ndarray, " row"],
    split_factor: Float[np.ndarray, " row"],
    record: Record,
) -> Float[np.ndarray, " row"]:
    """Return the dividends that were paid; raises BarsError for one of the full price or more.

    The same amount again within 3 bars was listed twice. One of over 20 % of the price, on a
    day on which the close did not fall by half of it, is in hundredths; one of over 10 % stays and
    is noted.
    """
    close = frame["close"].to_numpy()
    previous = np.concatenate([[np.nan], close[:-1]]) / split_factor
    paid = paid.copy()
    for row in np.flatnonzero(paid[1:] > 0) + 1:
        amount, date = float(paid[row]), day(frame["date"].iloc[row])
        value = f"{amount:g} at a price of {previous[row]:g}"
        moved = previous[row] - close[row] >= amount / 2
        if amount in paid[max(0, row - REPEATED_BARS) : row]:
            record.repaired("dividend_repeated", date, f"{amount:g}")
            paid[row] = 0.0
        elif amount > PENCE * previous[row] and not moved:
            record.repaired("dividend_unit_error", date, value)
            paid[row] = amount / 100
        elif amount > PRICED * previous[row]:
            record.noted("large_dividend", date, value)
        if paid[row] >= previous[row]:
            raise record.refusal(
                "dividend_over_price", date, value, f"fix the dividend: {LEAVE_OUT}"
            )
    return paid
