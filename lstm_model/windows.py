"""WindowSet: a block's windows as index arithmetic on one float32 tensor, never materialised."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64
from torch import Tensor

from lstm_model.split import Rows


@dataclass(frozen=True, slots=True)
class Scaler:
    """Column means and standard deviations of the train block, of features and of the label."""

    feature_means: Float[np.ndarray, " feature"]
    feature_sds: Float[np.ndarray, " feature"]
    label_mean: float
    label_sd: float

    @classmethod
    def fit(cls, rows: Rows, train: Int[np.ndarray, " sample"]) -> "Scaler":
        """Fit on the rows that train windows cover and on train labels, and on nothing else."""
        covered = rows_covered(train, rows.window_length, len(rows.dates))
        values = rows.features[covered].astype(np.float64)
        labels = rows.labels[train]
        return cls(
            feature_means=values.mean(axis=0),
            feature_sds=_sd_or_one(values.std(axis=0)),
            label_mean=float(labels.mean()),
            label_sd=float(_sd_or_one(labels.std())),
        )

    def scale_features(
        self, features: Float[np.ndarray, "row feature"]
    ) -> Float32[np.ndarray, "row feature"]:
        """Return z-scores; a column that is constant in train becomes its distance from that."""
        scaled: np.ndarray = (features - self.feature_means) / self.feature_sds
        return scaled.astype(np.float32)

    def scale_labels(self, labels: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """Return labels in units of the train labels' standard deviation."""
        return (labels - self.label_mean) / self.label_sd

    def unscale_labels(self, labels: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
        """Return labels in the target's own unit."""
        return labels.astype(np.float64) * self.label_sd + self.label_mean


def rows_covered(
    ends: Int[np.ndarray, " sample"], length: int, row_count: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the rows that lie in at least one window of `length` rows ending at `ends`."""
    steps = np.zeros(row_count + 1, dtype=np.int64)
    np.add.at(steps, ends - length + 1, 1)
    np.add.at(steps, ends + 1, -1)
    return np.cumsum(steps[:-1]) > 0


def _sd_or_one(sd: Float[np.ndarray, "..."] | np.float64) -> Float[np.ndarray, "..."]:
    # Deviations below 1e-12 are rounding of a constant column.
    return np.where(sd > 1e-12, sd, 1.0)


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
    labels = scaler.scale_labels(rows.labels[ends]).astype(np.float32)
    return WindowSet(tensor, torch.from_numpy(ends), torch.from_numpy(labels), rows.window_length)
