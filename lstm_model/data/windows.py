"""WindowSet: a block's windows as index arithmetic on one float32 tensor, never materialised."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int, Int64
from torch import Tensor

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows, SearchView
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams


@dataclass(frozen=True, slots=True)
class WindowSet:
    """Samples of one block: all blocks share `rows`; `ends` are the last rows of the windows.

    tickers: code of each sample's ticker; only a network with an embedding reads them.
    """

    rows: Float32[Tensor, "row feature"]
    ends: Int64[Tensor, " sample"]
    labels: Float32[Tensor, " sample"]
    length: int
    tickers: Int64[Tensor, " sample"] | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def batch(
        self, samples: Int64[Tensor, " window"]
    ) -> tuple[Float32[Tensor, "window time feature"], Float32[Tensor, " window"]]:
        """Gather the windows and labels of a few samples."""
        offsets = torch.arange(1 - self.length, 1, device=self.ends.device)
        return self.rows[self.ends[samples, None] + offsets], self.labels[samples]

    def to(self, device: torch.device) -> "WindowSet":
        """Return the same samples on another device."""
        tickers = None if self.tickers is None else self.tickers.to(device)
        return WindowSet(
            self.rows.to(device), self.ends.to(device), self.labels.to(device), self.length, tickers
        )


def scaled_tensor(rows: Rows, scaler: Scaler) -> Float32[Tensor, "row feature"]:
    """Return the single tensor into which the windows of every block point."""
    return torch.from_numpy(scaler.scale_features(rows.features))


def window_set(
    tensor: Float32[Tensor, "row feature"],
    rows: Rows,
    ends: Int[np.ndarray, " sample"],
    scaler: Scaler,
) -> WindowSet:
    """Return a block's windows, which point into the scaled tensor of its rows."""
    labels = scaler.scale_labels(rows, ends).astype(np.float32)
    return WindowSet(
        rows=tensor,
        ends=torch.from_numpy(ends),
        labels=torch.from_numpy(labels),
        length=rows.window_length,
        tickers=torch.from_numpy(rows.ticker_of_row[ends].astype(np.int64)),
    )


def scaled_windows(rows: Rows, ends: Int[np.ndarray, " sample"], scaler: Scaler) -> WindowSet:
    """Return windows of any rows, in units of the train block on which the scaler was fitted."""
    return window_set(scaled_tensor(rows, scaler), rows, ends, scaler)


@dataclass(frozen=True, slots=True)
class ScaledView:
    """A search view in units of its train block: two blocks of windows over one tensor."""

    scaler: Scaler
    train: WindowSet
    validation: WindowSet
    ticker_count: int

    @property
    def zero_head(self) -> bool:
        """Whether a network starts with a zero head, as it does if it corrects HAR's forecast."""
        return bool(self.scaler.skip_weights)

    @property
    def both(self) -> WindowSet:
        """Train and validation as one block, for a refit."""
        tickers = [block.tickers for block in (self.train, self.validation)]
        return dataclasses.replace(
            self.train,
            tickers=torch.cat([codes for codes in tickers if codes is not None]),
            ends=torch.cat([self.train.ends, self.validation.ends]),
            labels=torch.cat([self.train.labels, self.validation.labels]),
        )


def scale_view(view: SearchView, params: HyperParams) -> ScaledView:
    """Scale a view by the rows that train covers, and return its windows.

    Only `feature_scaling` and `sequence_length` of the parameters matter. Raises ConfigError if
    the sequence is longer than the windows of the data set.
    """
    rows = with_sequence_length(view.rows, params)
    scaler = Scaler.fit(rows, view.train, params.feature_scaling)
    tensor = scaled_tensor(rows, scaler)
    return ScaledView(
        scaler=scaler,
        train=window_set(tensor, rows, view.train, scaler),
        validation=window_set(tensor, rows, view.validation, scaler),
        ticker_count=len(rows.tickers),
    )


def with_sequence_length(rows: Rows, params: HyperParams) -> Rows:
    """Return the same rows with the parameters' window length; the samples stay the same.

    A shorter window would fit more samples, but all configurations are compared on the same ones.
    """
    length = params.sequence_length
    if length is None:
        return rows
    if length > rows.window_length:
        raise ConfigError(
            f"sequence_length must be <= windows.length ({rows.window_length}) but is {length}; "
            f"raise windows.length"
        )
    return dataclasses.replace(rows, window_length=length)
