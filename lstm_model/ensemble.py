"""How far the members of an ensemble, one a seed, are apart."""

import numpy as np
from jaxtyping import Float


def spread_of(members: Float[np.ndarray, "member sample"]) -> Float[np.ndarray, " sample"]:
    """Return the standard deviation over an ensemble's members; of one there is none, 0."""
    if len(members) < 2:
        return np.zeros(members.shape[1])
    spread: Float[np.ndarray, " sample"] = members.std(axis=0, ddof=1)
    return spread
