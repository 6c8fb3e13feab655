"""What is ordinary for a bar: the range and the volume of the bars before it."""

import numpy as np
import pandas as pd
from jaxtyping import Float

PAST_BARS = 60


def usual_range(frame: pd.DataFrame) -> Float[np.ndarray, " row"]:
    """Return the median log range of the last 60 bars before each; at least 0.5 %."""
    spread = pd.Series(np.abs(np.log(frame["high"].to_numpy() / frame["low"].to_numpy())))
    past = spread.rolling(PAST_BARS, min_periods=1).median().shift()
    return np.asarray(past.fillna(0.01).clip(lower=0.005))


def volume_surge(frame: pd.DataFrame) -> Float[np.ndarray, " row"]:
    """Return each volume as a multiple of the last 60 bars' median; 1 where there is none."""
    volume = frame["volume"]
    past = volume.where(volume > 0).rolling(PAST_BARS, min_periods=5).median().shift()
    return np.asarray((volume / past).fillna(1.0))


def usual_move(
    close: Float[np.ndarray, " row"], unknown: float = 0.02
) -> Float[np.ndarray, " row"]:
    """Return a robust standard deviation of the last 60 log returns before each bar.

    unknown: what is returned after fewer than 10.
    """
    moves = pd.Series(np.log(close)).diff().abs()
    past = 1.4826 * moves.rolling(PAST_BARS, min_periods=10).median().shift()
    return past.fillna(unknown).clip(0.002, 0.1).to_numpy()
