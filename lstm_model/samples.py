"""From prepared rows and one configuration to what is trained on: scaled blocks of windows."""

import dataclasses

import numpy as np
from jaxtyping import Int

from lstm_model.errors import ConfigError
from lstm_model.hyper_params import HyperParams
from lstm_model.scaling import Scaler
from lstm_model.split import Rows
from lstm_model.windows import WindowSet, scaled_tensor, window_set


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
