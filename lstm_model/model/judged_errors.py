"""Errors of a judged model on its test block: what is known of a forecast before it comes true."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class JudgedErrors:
    """Truth less forecast of every test sample, in the target's unit, in the order of their dates.

    days: since 1970-01-01, of the bar after whose close the forecast was made; ascending, and of
    several tickers a day occurs as often as it has samples. Raises ValueError if they do not
    ascend, if the lengths differ or if an error is not finite.
    """

    days: Int[np.ndarray, " sample"]
    errors: Float[np.ndarray, " sample"]

    def __post_init__(self) -> None:
        if self.days.shape != self.errors.shape or (np.diff(self.days) < 0).any():
            raise ValueError("errors must have ascending days, one for each; sort them")
        if not np.isfinite(self.errors).all():
            raise ValueError("errors must be finite but one is not; leave it out")

    @classmethod
    def of(
        cls,
        truth: Float[np.ndarray, " sample"],
        forecast: Float[np.ndarray, " sample"],
        days: Int[np.ndarray, " sample"],
    ) -> "JudgedErrors":
        """Collect the finite errors of a block, in the order of its days."""
        errors = truth - forecast
        order = np.argsort(days, kind="stable")
        order = order[np.isfinite(errors[order])]
        return cls(days[order].astype(np.int64), errors[order].astype(np.float64))

    def to_tensors(self) -> dict[str, Tensor]:
        """Return the values as they are saved with a model."""
        return {"days": torch.from_numpy(self.days), "errors": torch.from_numpy(self.errors)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "JudgedErrors":
        """Read what `to_tensors` returned; raises KeyError or ValueError for anything else."""
        return cls(tensors["days"].numpy(), tensors["errors"].numpy())
