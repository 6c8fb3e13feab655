"""Claims about the unit cube: it holds the whole space, and its points repeat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.errors import ConfigError
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.space import seed_space
from lstm_model.search.unit_cube import (
    cma_point,
    grid_point,
    params_to_point,
    point_to_params,
    sobol_point,
)

SPACE = seed_space()
SMALL = {
    "num_layers": IntRange(type="int", low=1, high=3),
    "lr": FloatRange(type="float", low=1e-4, high=1e-2, log=True),
    "batch_size": Choice(type="categorical", choices=(32, 64)),
}


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_every_point_is_a_configuration(coordinates: list[float]) -> None:
    """Any point, corners included, gives a valid configuration, which leads back to the point."""
    params = point_to_params(np.array(coordinates), SPACE)
    for name, domain in SPACE.items():
        distribution = domain.distribution()
        assert distribution._contains(distribution.to_internal_repr(params[name]))
    again = point_to_params(params_to_point(params, SPACE), SPACE)
    assert again == pytest.approx(params, rel=1e-12)


def test_sobol_fills_the_cube_evenly() -> None:
    """Sixteen points hit each sixteenth of every axis once, and repeat for the same seed."""
    points = np.array([sobol_point(number, 5, seed=3) for number in range(16)])
    for axis in points.T:
        assert sorted((axis * 16).astype(int)) == list(range(16))
    np.testing.assert_array_equal(points[7], sobol_point(7, 5, seed=3))
    assert not np.array_equal(points[7], sobol_point(7, 5, seed=4))


def test_grid_visits_every_point_once_and_ends() -> None:
    """The grid has every combination once, including the ends of real ranges; then it refuses."""
    rows = [point_to_params(grid_point(n, SMALL, 7), SMALL) for n in range(3 * 5 * 2)]
    assert len({tuple(row.values()) for row in rows}) == 30
    rates = sorted({row["lr"] for row in rows})
    assert rates == pytest.approx([1e-4, 10**-3.5, 1e-3, 10**-2.5, 1e-2])
    with pytest.raises(ConfigError, match=r"more than 30 points.* has 30; change search\.trials"):
        grid_point(30, SMALL, 7)


def test_cma_moves_to_where_losses_are_low() -> None:
    """Low losses attract the draws of CMA-ES; the same losses give the same draw."""
    target = np.array([0.9, 0.2])
    told: list[tuple[np.ndarray, float]] = []
    for number in range(60):
        point = cma_point(told, 2, seed=number)
        told.append((point, float(np.sum((point - target) ** 2))))
    draws = np.array([cma_point(told, 2, seed=seed) for seed in range(100, 120)])
    assert np.abs(draws.mean(axis=0) - target).max() < 0.1
    np.testing.assert_array_equal(cma_point(told, 2, seed=100), draws[0])
