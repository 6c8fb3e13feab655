"""Claims about losses and the smearing constant."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_model.evaluation.losses import (
    MSE,
    QLIKE,
    Loss,
    losses_by_date,
    losses_of,
    smearing_constant,
)
from lstm_model.evaluation.measured import NotComputed

ERRORS = arrays(float, 20, elements=st.floats(-3, 3))


def test_qlike_by_hand() -> None:
    """With a true variance s times the forecast one, QLIKE is s - ln s - 1."""
    found = QLIKE.value(np.log(np.array([2.0, 0.5, 1.0])))
    np.testing.assert_allclose(found, [1 - math.log(2), math.log(2) - 0.5, 0.0], atol=1e-15)


@pytest.mark.parametrize("loss", [MSE, QLIKE], ids=["mse", "qlike"])
@given(errors=ERRORS)
def test_slope_and_curvature_are_the_derivatives(loss: Loss, errors: np.ndarray) -> None:
    """Minus the slope is the derivative by the forecast, which lowers the error; so twice."""
    step = 1e-4
    low, same, high = (loss.value(errors + shift) for shift in (-step, 0.0, step))
    np.testing.assert_allclose((high - low) / (2 * step), loss.slope(errors), atol=1e-6)
    bend = (high - 2 * same + low) / step**2
    np.testing.assert_allclose(bend, loss.curvature(errors), atol=1e-4, rtol=1e-4)


def test_only_volatility_has_two_losses() -> None:
    """A return has no variance to score."""
    assert losses_of("log_return") == (MSE,)
    assert losses_of("log_volatility") == (MSE, QLIKE)


def test_losses_are_averaged_over_each_date() -> None:
    """On a panel with gaps a date's loss is the mean of the tickers that it has."""
    found = losses_by_date(MSE, np.array([0.0, 2.0, 1.0]), np.array([4, 4, 9]))
    np.testing.assert_allclose(found, [2.0, 1.0])


@given(ERRORS)
def test_smearing_makes_the_variance_unbiased(errors: np.ndarray) -> None:
    """The mean of true over forecast variance is 1 after smearing, and QLIKE is lowest there."""
    constant = smearing_constant(errors)
    assert isinstance(constant, float)
    assert np.exp(errors - constant).mean() == pytest.approx(1.0)
    best = QLIKE.value(errors - constant).mean()
    assert all(QLIKE.value(errors - constant - d).mean() >= best for d in (-0.1, 0.1))


def test_smearing_of_large_and_missing_errors() -> None:
    """Errors that would overflow do not, missing ones are ignored, and none give a reason."""
    assert smearing_constant(np.array([800.0, 800.0, np.nan])) == pytest.approx(800.0)
    assert smearing_constant(np.full(3, np.nan)) == NotComputed("there is no residual")


def test_lognormal_errors_need_half_their_variance() -> None:
    """For normal errors of standard deviation s the constant is s^2 / 2."""
    errors = np.random.default_rng(0).normal(0, 0.8, size=200_000)
    assert smearing_constant(errors) == pytest.approx(0.32, abs=0.01)
