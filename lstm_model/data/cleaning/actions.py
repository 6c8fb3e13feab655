"""Which dividends and splits count: the listed ones, and those that only adjusted closes show."""

import numpy as np
import pandas as pd

from lstm_model.data.cleaning.dividends import repair_dividends, settle_prices
from lstm_model.data.cleaning.implied import implied_dividends, implied_factors, implied_splits
from lstm_model.data.cleaning.moves import check_moves, scale_units
from lstm_model.data.cleaning.record import Record
from lstm_model.data.cleaning.rules import CleaningRules
from lstm_model.data.cleaning.splits import split_factors


def list_actions(frame: pd.DataFrame, rules: CleaningRules, record: Record) -> pd.DataFrame:
    """Return bars with dividends and splits, one of 1:1 as none; what is not listed is implied.

    An adjusted close tells only the kind of action that has no column of its own; where both have
    one, it is not read.
    """
    close = frame["close"].to_numpy()
    none = np.zeros(len(frame))
    has_paid, has_splits = "dividends" in frame, "stock_splits" in frame
    paid = frame["dividends"].fillna(0.0).to_numpy() if has_paid else none
    splits = frame["stock_splits"].fillna(0.0).to_numpy() if has_splits else none
    splits = np.where(splits == 1.0, 0.0, splits)
    settled = rules.prices == "adjusted"
    if "adj_close" in frame and not settled and not (has_paid and has_splits):
        bad = frame["adj_close"] <= 0
        for row in np.flatnonzero(bad):
            value = f"adj_close is {frame['adj_close'].iloc[row]:g}: not used"
            record.noted("adj_close_outlier", frame["date"].iloc[row], value)
        factors = implied_factors(frame, record)
        if not has_splits:
            splits = implied_splits(factors, paid, close)
        if not has_paid:
            paid = implied_dividends(factors, splits, close)
    return frame.assign(dividends=paid, stock_splits=splits)


def apply_actions(
    frame: pd.DataFrame, listed: bool, rules: CleaningRules, record: Record
) -> pd.DataFrame:
    """Add the day's split and dividend factors of a holder's wealth per share.

    listed: whether the dividends come from the source, and not from its adjusted close.
    """
    splits = frame["stock_splits"].to_numpy()
    factor = split_factors(frame, splits, record)
    frame = scale_units(frame, factor, record)
    unlisted = check_moves(frame, factor, rules, record)
    splits = np.where(unlisted > 0, unlisted, splits)
    factor = np.where(unlisted > 0, unlisted * factor, factor)
    if listed:
        frame = settle_prices(frame, rules, factor, record)
    paid = repair_dividends(frame, frame["dividends"].to_numpy(), factor, record)
    previous = np.concatenate([[np.inf], frame["close"].to_numpy()[:-1]]) / factor
    return frame.assign(
        dividends=paid,
        stock_splits=splits,
        split_factor=factor,
        dividend_factor=1.0 / (1.0 - paid / previous),
    )
