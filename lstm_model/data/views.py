"""The two views of a data set: what the search may see, and the test block."""

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from lstm_model.data.chunks import row_chunks
from lstm_model.data.har import HAR_TERMS


@dataclass(frozen=True, slots=True)
class Rows:
    """Features and targets on the same rows, as stored on disk and sent to workers.

    tickers: of the panel.
    feature_names: names of the feature columns.
    window_length: in bars.
    ticker_of_row: position of the row's ticker in `tickers`.
    dates, label_ends: days since 1970-01-01.
    features: unscaled.
    labels, last_values, har_terms, log_returns: as in `TargetTable`; labels of samples only.
    har_skip: whether the network corrects what HAR forecasts from the first `har_terms`.
    """

    tickers: tuple[str, ...]
    feature_names: tuple[str, ...]
    window_length: int
    ticker_of_row: Int[np.ndarray, " row"]
    dates: Int[np.ndarray, " row"]
    features: Float32[np.ndarray, "row feature"]
    labels: Float[np.ndarray, " row"]
    label_ends: Int[np.ndarray, " row"]
    last_values: Float[np.ndarray, " row"]
    har_terms: Float[np.ndarray, "row term"]
    log_returns: Float[np.ndarray, " row"]
    har_skip: bool = False


@dataclass(frozen=True, slots=True)
class SearchView:
    """All that search and early stopping may see: only rows before the test block."""

    rows: Rows
    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]

    def sha256(self) -> str:
        """Return the hash of every value a trial can depend on."""
        rows = self.rows
        digest = hashlib.sha256(
            repr((rows.tickers, rows.feature_names, rows.window_length, rows.har_skip)).encode()
        )
        arrays = [rows.ticker_of_row, rows.dates, rows.features, rows.labels]
        if rows.har_skip:
            arrays.append(rows.har_terms[:, :HAR_TERMS])
        for array in arrays:
            for _, chunk in row_chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        for ends in (self.train, self.validation):
            digest.update(ends.astype(np.int64).data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class TestView:
    """The held-out block, with the earlier bars that its first windows need."""

    __test__ = False  # pytest would take it for a test class by its name

    rows: Rows
    test: Int[np.ndarray, " test"]


@dataclass(frozen=True, slots=True)
class ChronoSplit:
    """The two views of one data set, and the dates that separate its blocks."""

    search: SearchView
    held_out: TestView
    validation_start: dt.date
    test_start: dt.date
