"""The two views of a data set: what the search may see, and the test block."""

import datetime as dt
import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from lstm_model.data.chunks import row_chunks


@dataclass(frozen=True, slots=True)
class Rows:
    """Features and targets on the same rows; the unit in which data travels to disk and workers.

    With `har_skip` the network corrects what HAR forecasts from `har_terms`.
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
    """All that search and early stopping may see: no row from the test block's first date on."""

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
            arrays.append(rows.har_terms)
        for array in arrays:
            for _, chunk in row_chunks(array):
                digest.update(np.ascontiguousarray(chunk).data)
        for ends in (self.train, self.validation):
            digest.update(ends.astype(np.int64).data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class TestView:
    """The held-out block, with the bars its first windows look back on."""

    __test__ = False  # not a test class, whatever its name begins with

    rows: Rows
    test: Int[np.ndarray, " test"]


@dataclass(frozen=True, slots=True)
class ChronoSplit:
    """The two views of one data set, and the dates that divide it."""

    search: SearchView
    held_out: TestView
    validation_start: dt.date
    test_start: dt.date
