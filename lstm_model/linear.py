"""Ordinary least squares: the HAR forecast, and the skip that a network corrects."""

import numpy as np
from jaxtyping import Float


def least_squares(
    terms: Float[np.ndarray, "sample term"], labels: Float[np.ndarray, " sample"]
) -> tuple[float, Float[np.ndarray, " term"]]:
    """Return intercept and weights; without terms the intercept is the labels' mean, to the bit."""
    if not terms.shape[1]:
        return float(labels.mean()), np.empty(0)
    design = np.column_stack([np.ones(len(terms)), terms])
    intercept, *weights = np.linalg.lstsq(design, labels, rcond=None)[0]
    return float(intercept), np.array(weights)
