"""Dividends and splits that a vendor's adjusted close implies."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from lstm_model.data.cleaning.numbers import rounding_error
from lstm_model.data.cleaning.record import Record

SPLIT = np.log(1.25)
"""A larger step of adjusted/raw close is a split, a smaller one a dividend."""

CONFIRMING_BARS = 5


def implied_factors(frame: pd.DataFrame, record: Record) -> Float[np.ndarray, " row"]:
    """Return each bar's growth of adjusted/raw close, 1 where it does not step.

    The growth between two days does not depend on later actions. A step must exceed the rounding
    of the four printed numbers, and most of the next 5 bars must confirm it (so this needs them);
    on the last bar it must end at 1, be under 10 %, or come with the close's own jump.
    """
    close = frame["close"].to_numpy()
    adjusted = frame["adj_close"].where(frame["adj_close"] > 0).to_numpy()
    factors = np.ones(len(frame))
    known = np.flatnonzero(np.isfinite(adjusted))
    if len(known) < 2:
        return factors
    quotient = np.log(adjusted / close)
    rounding = rounding_error(close) + rounding_error(adjusted)
    level = known[0]
    for position, row in enumerate(known[1:], start=1):
        step = quotient[row] - quotient[level]
        if abs(step) <= rounding[row] + rounding[level]:
            continue
        later = quotient[known[position + 1 : position + 1 + CONFIRMING_BARS]]
        confirming = np.abs(later - quotient[row]) < np.abs(later - quotient[level])
        if len(later):
            confirmed = confirming.mean() >= 0.5
        else:
            fall = np.log(close[row - 1] / close[row])
            confirmed = (
                abs(quotient[row]) <= rounding[row]
                or abs(step) < np.log(1.1)
                or abs(fall - step) < abs(step) / 4
            )
        if confirmed:
            factors[row] = np.exp(step)
            level = row
        elif abs(step) > 0.01:
            value = f"{adjusted[row]:g} beside a close of {close[row]:g}: not used"
            record.noted("adj_close_outlier", frame["date"].iloc[row], value)
    return factors


def implied_splits(
    factors: Float[np.ndarray, " row"],
    paid: Float[np.ndarray, " row"],
    close: Float[np.ndarray, " row"],
) -> Float[np.ndarray, " row"]:
    """Return the splits among the factors, 0 elsewhere, after the listed dividends."""
    before = np.concatenate([[np.inf], close[:-1]])
    rest = factors * np.clip(1 - paid / before, 0.01, 1.0)
    return np.where(np.abs(np.log(rest)) > SPLIT, rest, 0.0)


def implied_dividends(
    factors: Float[np.ndarray, " row"],
    splits: Float[np.ndarray, " row"],
    close: Float[np.ndarray, " row"],
) -> Float[np.ndarray, " row"]:
    """Return the dividends among the factors, in the price of their day, 0 elsewhere."""
    ratio = np.where(splits > 0, splits, 1.0)
    # A listed split may already be in the closes; then the factor does not contain it.
    contains = np.abs(np.log(factors / ratio)) < np.abs(np.log(factors))
    rest = factors / np.where(contains, ratio, 1.0)
    before = np.concatenate([[0.0], close[:-1]]) / np.where(contains, ratio, 1.0)
    is_dividend = (rest > 1.0) & (np.log(rest) <= SPLIT)
    return np.where(is_dividend, before * (1 - 1 / rest), 0.0)
