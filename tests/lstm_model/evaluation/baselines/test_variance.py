"""Claims about variance models: their recursions, their histories, and when they are left out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.data.views import ChronoSplit, Rows, SearchView
from lstm_model.evaluation.baselines.fitted import LeftOut
from lstm_model.evaluation.baselines.variance import ewma, gjr_garch
from tests.lstm_model.evaluation.baselines.conftest import cut, split_rows


def mapped_by_least_squares(
    path: np.ndarray, labels: np.ndarray, fit: np.ndarray, at: np.ndarray
) -> np.ndarray:
    slope, intercept = np.polyfit(np.log(path[fit]), labels[fit], 1)
    return np.asarray(intercept + slope * np.log(path[at]))


def test_ewma_by_a_loop(make_rows: Callable[..., Rows]) -> None:
    """RiskMetrics over the whole history, across the test view's boundary, mapped on train."""
    rows = make_rows(400, har=6)
    split = split_rows(rows)
    search, held_out = split.search, split.held_out
    variance, path = np.mean(rows.log_returns[:22] ** 2), []
    for value in rows.log_returns:
        variance = 0.94 * variance + 0.06 * value**2
        path.append(variance)
    test = np.flatnonzero(np.isin(rows.dates, held_out.rows.dates[held_out.test]))
    expected = mapped_by_least_squares(np.array(path), rows.labels, search.train, test)
    found = ewma(search)(search.rows, search.train)(held_out.rows, held_out.test)
    np.testing.assert_allclose(found, expected)


def simulate(draws: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw returns of a GJR-GARCH, and the variance of the bar after each of them."""
    omega, alpha, gamma, beta = 2e-6, 0.03, 0.12, 0.88
    variance, returns, after = 1e-4, np.empty(n), np.empty(n)
    for t in range(n):
        returns[t] = np.sqrt(variance) * draws.normal()
        variance = omega + (alpha + gamma * (returns[t] < 0)) * returns[t] ** 2 + beta * variance
        after[t] = variance
    return returns, after


def test_garch_finds_the_variance_it_was_drawn_from(make_rows: Callable[..., Rows]) -> None:
    """On returns of a known GJR-GARCH its forecast nearly is the true one, and beats EWMA's."""
    rows = make_rows(3400, har=6)
    returns, after = simulate(np.random.default_rng(3), 3400)
    labels = np.log(after) + 0.1 * np.random.default_rng(4).normal(size=3400)
    rows = replace(rows, log_returns=returns, labels=labels)
    split = split_rows(rows)
    train, test = np.arange(250, 3000), np.arange(3050, 3400)
    errors = [
        np.mean((baseline(split.search)(rows, train)(rows, test) - np.log(after)[test]) ** 2)
        for baseline in (gjr_garch, ewma)
    ]
    assert errors[0] < 0.01
    assert errors[0] < 0.3 * errors[1]


def test_garch_is_fitted_on_returns_up_to_the_last_sample(tiny: ChronoSplit) -> None:
    """Wilder returns after the samples change no fit."""
    search = tiny.search
    wild = search.rows.log_returns.copy()
    last = search.rows.dates[search.train].max()
    wild[search.rows.dates > last] *= 10
    before = search.train
    found = [
        gjr_garch(search)(rows, search.train)(rows, before)
        for rows in (search.rows, replace(search.rows, log_returns=wild))
    ]
    np.testing.assert_array_equal(*found)


def test_each_ticker_has_its_own_history(make_rows: Callable[..., Rows]) -> None:
    """In a panel a ticker's path is that of its own returns."""
    split = split_rows(make_rows(400, har=6))
    first, ends = split.search.rows, split.search.validation
    panel = panel_of(first, replace(first, log_returns=first.log_returns[::-1].copy()))
    forecast = ewma(split.search)(panel, np.r_[split.search.train, split.search.train + 340])
    both = forecast(panel, np.r_[ends, ends + 340])
    again = forecast(panel, np.r_[ends + 340, ends])
    np.testing.assert_array_equal(both, np.r_[again[len(ends) :], again[: len(ends)]])
    assert not np.allclose(both[: len(ends)], both[len(ends) :])


def test_a_universe_has_no_garch(tiny: ChronoSplit) -> None:
    """More than twenty tickers would take seconds, so it is left out, with the reason."""
    rows = tiny.search.rows
    many = replace(rows, ticker_of_row=np.arange(len(rows.dates)) % 21)
    with pytest.raises(LeftOut, match="20 tickers at most, not 21"):
        gjr_garch(tiny.search)(many, tiny.search.train)


def panel_of(rows: Rows, second: Rows) -> Rows:
    """Stack two tickers."""
    names = (
        "dates", "features", "labels", "label_ends", "last_values", "har_terms", "log_returns",
    )  # fmt: skip
    return replace(
        rows,
        tickers=("T0", "T1"),
        ticker_of_row=np.repeat([0, 1], [len(rows.dates), len(second.dates)]),
        **{name: np.concatenate([getattr(rows, name), getattr(second, name)]) for name in names},
    )


@pytest.mark.parametrize("baseline", [ewma, gjr_garch])
def test_a_young_ticker_has_forecasts(
    make_rows: Callable[..., Rows], baseline: Callable[..., Callable]
) -> None:
    """A ticker that begins after train, or in the test block alone, is forecast by EWMA."""
    old = make_rows(900, har=6)
    search, late = cut(old, slice(0, 800)), cut(old, slice(798, 900))
    train = np.arange(250, 600)
    view = SearchView(search, train, np.arange(610, 700))
    young = cut(old, slice(700, 800))
    seen = panel_of(search, young)
    in_both = baseline(view)(seen, train)(seen, np.arange(800, 900))
    assert np.isfinite(in_both).all()
    in_test_only = baseline(view)(search, train)(panel_of(late, late), np.arange(104, 204))
    assert np.isfinite(in_test_only).all()


def test_a_panel_of_young_tickers_has_no_garch(tiny: ChronoSplit) -> None:
    """Too few returns give a reason that names the ticker."""
    with pytest.raises(LeftOut, match=r"T0: n = 200 < 250 returns"):
        gjr_garch(tiny.search)(tiny.search.rows, np.arange(30, 200))


@pytest.mark.filterwarnings("error")
def test_quiet_returns_have_a_garch(make_rows: Callable[..., Rows]) -> None:
    """Returns of a hundredth of a percent are fitted without a warning about their scale."""
    returns, _ = simulate(np.random.default_rng(3), 900)
    rows = replace(make_rows(900, har=6), log_returns=returns / 100)
    view = SearchView(rows, np.arange(250, 700), np.arange(710, 800))
    assert np.isfinite(gjr_garch(view)(rows, view.train)(rows, view.validation)).all()


@pytest.mark.filterwarnings("error")
def test_returns_of_zero_have_a_variance(tiny: ChronoSplit) -> None:
    """A ticker that does not move gives finite forecasts or a reason."""
    still = replace(tiny.search.rows, log_returns=np.zeros(len(tiny.search.rows.dates)))
    found = ewma(tiny.search)(still, tiny.search.train)(still, tiny.search.validation)
    assert np.isfinite(found).all()
    with pytest.raises(LeftOut):
        gjr_garch(tiny.search)(still, tiny.search.train)
