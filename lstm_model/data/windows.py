"""WindowSet: a block's windows as index arithmetic on one float32 tensor, never materialised."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int, Int64
from torch import Tensor

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams


@dataclass(frozen=True, slots=True)
class WindowSet:
    """Samples of one block: `rows` is shared by all blocks, `ends` are the windows' last rows."""

    rows: Float32[Tensor, "row feature"]
    ends: Int64[Tensor, " sample"]
    labels: Float32[Tensor, " sample"]
    length: int

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
        return WindowSet(
            self.rows.to(device), self.ends.to(device), self.labels.to(device), self.length
        )


def scaled_tensor(rows: Rows, scaler: Scaler) -> Float32[Tensor, "row feature"]:
    """Return the one tensor that every block's windows point into."""
    return torch.from_numpy(scaler.scale_features(rows.features))


def window_set(
    tensor: Float32[Tensor, "row feature"],
    rows: Rows,
    ends: Int[np.ndarray, " sample"],
    scaler: Scaler,
) -> WindowSet:
    """Point a block's windows into the scaled tensor of its rows."""
    labels = scaler.scale_labels(rows, ends).astype(np.float32)
    return WindowSet(tensor, torch.from_numpy(ends), torch.from_numpy(labels), rows.window_length)


def scale_blocks(
    rows: Rows,
    train: Int[np.ndarray, " train"],
    params: HyperParams,
    *blocks: Int[np.ndarray, " _"],
) -> tuple[Scaler, tuple[WindowSet, ...]]:
    """Scale rows by what train covers, and cut each block's windows, as the configuration says.

    Returns the scaler and a WindowSet for each of `blocks`; all share one tensor. Raises
    ConfigError where the sequence length is more than the rows hold.
    """
    shortened = with_sequence_length(rows, params)
    scaler = Scaler.fit(shortened, train, params.feature_scaling)
    tensor = scaled_tensor(shortened, scaler)
    return scaler, tuple(window_set(tensor, shortened, ends, scaler) for ends in blocks)


def with_sequence_length(rows: Rows, params: HyperParams) -> Rows:
    """Return the same rows with the configuration's window length; the samples end where they did.

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
