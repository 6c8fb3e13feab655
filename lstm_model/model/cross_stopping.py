"""CrossStopping: forecasts of validation of which none was stopped on its own half of the block."""

import math

import numpy as np
from jaxtyping import Float, Int


class CrossStopping:
    """Watches a training, and keeps for each half of validation what the other half would stop at.

    Early stopping takes the epoch with the lowest error on validation, so that error is too low:
    R2 against HAR was 0.23 there and 0.08 on the test block. Here the first half of the dates
    chooses the epoch that forecasts the second, and the second the one that forecasts the first.
    Nothing is trained again and no data is held back. The number of epochs that there are to choose
    from still depends on the whole block.
    """

    def __init__(
        self,
        dates: Int[np.ndarray, " sample"],
        label_ends: Int[np.ndarray, " sample"],
        labels: Float[np.ndarray, " sample"],
    ) -> None:
        """Divide the samples at the middle date.

        dates, label_ends: days since 1970-01-01. labels: scaled. A sample of the first half whose
        label ends in the second neither chooses nor is forecast, since both halves have a part in
        it; its forecast stays NaN.
        """
        days = np.unique(dates)
        middle = days[len(days) // 2]
        # Labels that reach over the middle belong to neither half, and get no forecast.
        self._halves = (dates < middle) & (label_ends < middle), dates >= middle
        self._choosers = self._halves[::-1]
        self._labels = labels
        self._lowest = [math.inf, math.inf]
        self.forecasts: Float[np.ndarray, " sample"] = np.full(len(labels), np.nan)

    def see(self, forecasts: Float[np.ndarray, " sample"]) -> None:
        """Look at an epoch's scaled forecasts of validation."""
        squares = (forecasts - self._labels) ** 2
        for side, (half, chooser) in enumerate(zip(self._halves, self._choosers, strict=True)):
            if not chooser.any():
                continue
            loss = float(squares[chooser].mean())
            if loss < self._lowest[side]:
                self._lowest[side] = loss
                self.forecasts[half] = forecasts[half]
