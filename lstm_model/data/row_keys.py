"""Ticker and date of raw rows: what lacks one is refused, because grouping would drop it unsaid."""

import pandas as pd

from lstm_model.errors import BarsError

NO_DATE = ("", "nan", "nat", "none", "null", "<na>")
"""What stands in the place of a missing date once it is text, in lower case."""


def require_keys(raw: pd.DataFrame) -> None:
    """Raise BarsError unless there are tickers and dates in every row; it names the first."""
    for name in ("ticker", "date"):
        if name not in raw.columns:
            raise BarsError(f"bars need a column {name!r} but have {list(raw.columns)}; add it")
        column = raw[name]
        missing = column.isna()
        if not pd.api.types.is_datetime64_any_dtype(column.dtype):
            # NAN is a ticker that is listed, and no date.
            text = column.astype(str).str.strip().str.lower()
            missing |= text.isin(NO_DATE) if name == "date" else text == ""
        if missing.any():
            row = int(missing.to_numpy().argmax())
            raise BarsError(
                f"row {row} (from 0): missing_{name}: every row needs a {name} but this has "
                f"{column.iloc[row]!r}; fix or remove it"
            )
