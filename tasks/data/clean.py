"""The cleaning of bars under the rules of a configuration, tonight."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Bars, Finding
from lstm_model.data.cleaning import CleaningRules, clean_bars


def rules_now(data: DataConfig) -> CleaningRules:
    """Return the rules of a configuration at the time of the call."""
    return CleaningRules.of(data, dt.datetime.now(dt.UTC))


def clean_raw(
    raw: pd.DataFrame, ticker: str, data: DataConfig, found: Sequence[Finding] = ()
) -> Bars:
    """Clean a raw frame by the rules of the configuration; the reader's findings come first."""
    bars = clean_bars(raw, ticker, rules_now(data))
    return Bars(bars.frame, (*found, *bars.findings)) if found else bars
