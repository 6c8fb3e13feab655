"""The cleaning of bars under the rules of a configuration and the date of today."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from lstm_model.config.pipeline import DataConfig
from lstm_model.data.bars import Bars, Finding
from lstm_model.data.cleaning import CleaningRules, clean_bars


def rules_now(data: DataConfig) -> CleaningRules:
    """Return the rules of a configuration, under which no bar may be dated after today."""
    # The latest calendar day anywhere: Auckland has tomorrow's bar while it is today elsewhere.
    today = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=14)).date()
    return CleaningRules.of(data, today)


def clean_raw(
    raw: pd.DataFrame, ticker: str, data: DataConfig, found: Sequence[Finding] = ()
) -> Bars:
    """Clean a raw frame by the rules of the configuration; the reader's findings come first."""
    bars = clean_bars(raw, ticker, rules_now(data))
    return Bars(bars.frame, (*found, *bars.findings)) if found else bars
