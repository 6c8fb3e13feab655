"""Claims about all baselines: which there are, what they are fitted on, what they cannot see."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.data.views import ChronoSplit, Rows, SearchView, TestView
from lstm_model.evaluation.baselines import forecasts as module
from lstm_model.evaluation.baselines.fitted import Fitter, LeftOut
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from tests.lstm_model.evaluation.baselines.conftest import split_rows

ALWAYS = {"zero", "train_mean", "persistence", "ridge", "boosting"}


def test_each_target_has_its_own(tiny: ChronoSplit, make_rows: Callable[..., Rows]) -> None:
    """Volatility has HAR's family and variance models, returns a ridge on the last bar."""
    found = baseline_forecasts(tiny)
    assert set(found.test) == ALWAYS | {
        "har",
        "lhar",
        "har_linear",
        "lhar_linear",
        "ewma",
        "gjr_garch",
    }
    assert set(found.test) == set(found.validation)
    assert found.left_out == {}
    assert {len(values) for values in found.test.values()} == {60}
    assert {len(values) for values in found.validation.values()} == {66}
    assert set(baseline_forecasts(split_rows(make_rows(400))).test) == ALWAYS | {"last_bar"}


def test_simple_baselines_are_exact(tiny: ChronoSplit) -> None:
    """Zero, the train labels' mean, and the last known value."""
    found, search, held_out = baseline_forecasts(tiny).test, tiny.search, tiny.held_out
    assert (found["zero"] == 0.0).all()
    assert (found["train_mean"] == search.rows.labels[search.train].mean()).all()
    np.testing.assert_array_equal(found["persistence"], held_out.rows.last_values[held_out.test])


def test_no_baseline_looks_at_test_labels(tiny: ChronoSplit) -> None:
    """Other labels in the test block change no forecast."""
    rows = tiny.held_out.rows
    other = replace(
        tiny, held_out=TestView(replace(rows, labels=rows.labels * 1e3), tiny.held_out.test)
    )
    for refit in (False, True):
        changed = baseline_forecasts(other, refit=refit).test
        for name, values in baseline_forecasts(tiny, refit=refit).test.items():
            np.testing.assert_array_equal(changed[name], values, err_msg=name)


def test_no_forecast_looks_ahead(tiny: ChronoSplit) -> None:
    """What happens from a test date on changes no forecast made before it."""
    rows, middle = tiny.held_out.rows, 30
    changed = {
        name: np.where(
            (np.arange(len(rows.dates)) >= middle).reshape(
                -1, *[1] * (getattr(rows, name).ndim - 1)
            ),
            getattr(rows, name) * 2 + 1,
            getattr(rows, name),
        ).astype(getattr(rows, name).dtype)
        for name in ("features", "last_values", "har_terms", "log_returns")
    }
    other = replace(tiny, held_out=TestView(replace(rows, **changed), tiny.held_out.test))
    before = tiny.held_out.test < middle
    later = baseline_forecasts(other).test
    for name, values in baseline_forecasts(tiny).test.items():
        np.testing.assert_array_equal(later[name][before], values[before], err_msg=name)
        if name not in ("zero", "train_mean"):
            assert not np.array_equal(later[name][~before], values[~before]), name


def test_a_refit_model_has_refit_baselines(tiny: ChronoSplit) -> None:
    """With a refit, forecasts of the test block are fitted on train and validation too.

    Those of validation stay fitted on train, and penalties stay those chosen there.
    """
    plain, refit = baseline_forecasts(tiny), baseline_forecasts(tiny, refit=True)
    both = np.concatenate([tiny.search.train, tiny.search.validation])
    assert (refit.test["train_mean"] == tiny.search.rows.labels[both].mean()).all()
    for name, values in plain.test.items():
        np.testing.assert_array_equal(refit.validation[name], plain.validation[name])
        assert np.array_equal(refit.test[name], values) == (name in ("zero", "persistence")), name


def test_a_baseline_that_cannot_forecast_is_left_out(
    tiny: ChronoSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reason is kept, and the others stay."""

    def failing(_: SearchView) -> Fitter:
        raise LeftOut("its fit did not converge")

    monkeypatch.setitem(module.FOR_VOLATILITY, "gjr_garch", failing)
    found = baseline_forecasts(tiny)
    assert found.left_out == {"gjr_garch": "its fit did not converge"}
    assert "gjr_garch" not in found.test
    assert "har" in found.test


def test_rivals_beat_har_on_real_volatility(sp500_split: ChronoSplit) -> None:
    """On the S&P 500 the linear rivals forecast better than HAR, and HAR better than the rest."""
    held_out = sp500_split.held_out
    truth = held_out.rows.labels[held_out.test]
    errors = {
        name: float(np.mean((values - truth) ** 2))
        for name, values in baseline_forecasts(sp500_split).test.items()
    }
    assert errors["har_linear"] < errors["lhar"] < errors["har"] < errors["ridge"]
    for name in ("ewma", "gjr_garch", "persistence"):
        assert errors["har"] < errors[name] < 0.5 * errors["train_mean"]
    assert errors["boosting"] < 1.1 * errors["har"]
