"""Claims about the evaluation: every forecast on the same samples, and no NaN."""

import dataclasses
import datetime as dt
import math
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest

from lstm_model.evaluation.alignment import benchmark_name
from lstm_model.evaluation.backtest import Rule, Trading, trade
from lstm_model.evaluation.evaluate import Evaluation, evaluate
from lstm_model.evaluation.inputs import (
    EvaluationSettings,
    Samples,
    SearchFacts,
    Target,
    Validation,
)
from lstm_model.evaluation.losses import MSE, losses_by_date
from lstm_model.evaluation.measured import NotComputed, Statistic
from lstm_model.evaluation.metrics import Benchmarks, score
from lstm_model.evaluation.panel import PanelSkill
from lstm_model.seeding import derive_seed

Kind = Literal["log_return", "log_volatility"]
Inputs = dict[str, object]

SETTINGS = EvaluationSettings(
    seed=3, costs_bps=5.0, position="sign", levels=(0.9, 0.5), repetitions=100, sessions_a_year=252
)


def inputs(
    days: int = 60,
    tickers: int = 1,
    kind: Kind = "log_return",
    seed: int = 0,
    skill: float = 0.3,
    references: int = 2,
) -> Inputs:
    """Draw forecasts that contain a share `skill` of the truth."""
    draws = np.random.default_rng(seed)
    n = days * tickers
    level = -9.0 if kind == "log_volatility" else 0.0
    noise = draws.normal(size=n)

    def forecast(share: float) -> np.ndarray:
        return np.asarray(level + share * noise + 0.05 * draws.normal(size=n))

    truth = level + noise
    baselines = {
        "zero": np.zeros(n),
        "train_mean": np.full(n, level + 0.01),
        "persistence": level + draws.normal(size=n),
        "ridge": forecast(skill / 2),
    }
    if kind == "log_volatility":
        baselines["har"] = forecast(skill / 2)
    ensembles = {
        f"example {i}": np.stack([forecast(skill / 2) for _ in range(3)]) for i in range(references)
    }
    return {
        "members": np.stack([forecast(skill) for _ in range(3)]),
        "baselines": baselines,
        "references": ensembles,
        "samples": Samples(
            truth,
            baselines["persistence"],
            np.repeat(np.arange(18_262, 18_262 + days), tickers),
            np.repeat(np.arange(18_263, 18_263 + days), tickers),
            np.tile(np.arange(tickers), days),
            tuple(f"T{i}" for i in range(tickers)),
            draws.normal(0, 0.01, size=n),
        ),
        "validation": Validation(
            truth[:-7],
            np.arange(n - 7),
            {name: forecast(skill / 2)[:-7] for name in ensembles}
            | {name: forecast(0.1 if name == "ridge" else 0.0)[:-7] for name in baselines},
            np.stack([forecast(skill)[:-7] for _ in range(3)]),
        ),
        "search": SearchFacts(
            trials=40,
            studies=2,
            looks=1,
            block_losses=draws.random((12, 8)),
            best_reference="example 0" if references else None,
            equals_reference=None,
        ),
        "target": Target(kind, "unit", 1, level, "none"),
        "settings": SETTINGS,
        "left_out": {"gjr_garch": "its fit did not converge"},
    }


def look(given: Inputs) -> Evaluation:
    return evaluate(**given)  # type: ignore[arg-type]


def numbers(value: object) -> list[float]:
    """Return all numbers inside, at any depth."""
    if isinstance(value, float | int):
        return [float(value)]
    if dataclasses.is_dataclass(value):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return [number for part in parts for number in numbers(part)]
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    if isinstance(value, tuple | list):
        return [number for part in value for number in numbers(part)]
    assert isinstance(value, str | dt.date | None), type(value)
    return []


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
@pytest.mark.parametrize("tickers", [1, 4])
def test_a_whole_evaluation_is_made_of_finite_numbers(kind: Kind, tickers: int) -> None:
    """Every number is finite; a panel has panel skill, a single ticker a reason instead."""
    found = look(inputs(kind=kind, tickers=tickers))
    assert all(math.isfinite(number) for number in numbers(found))
    assert (found.target, found.unit, found.horizon) == (kind, "unit", 1)
    assert (found.n, found.dates) == (60 * tickers, 60)
    assert (found.start, found.end) == (dt.date(2020, 1, 1), dt.date(2020, 2, 29))
    is_volatility = kind == "log_volatility"
    assert found.benchmark == ("har" if is_volatility else "train_mean")
    assert found.rival == "ridge"
    assert found.left_out == {"gjr_garch": "its fit did not converge"}
    assert [v.loss for v in found.by_loss] == (["mse", "qlike"] if is_volatility else ["mse"])
    assert isinstance(found.panel, PanelSkill) is (tickers > 1)
    assert isinstance(found.trading, Trading)
    assert isinstance(found.intervals, tuple)
    assert found.verdict.has_skill is True
    assert found.verdict.search_paid is True


def test_every_forecast_is_compared_with_the_model() -> None:
    """The model is its members' mean, and every part is computed on the same samples."""
    given = inputs()
    found = look(given)
    members, samples, baselines = given["members"], given["samples"], given["baselines"]
    assert isinstance(members, np.ndarray)
    assert isinstance(samples, Samples)
    assert isinstance(baselines, dict)
    forecast = members.mean(axis=0)
    mean = baselines["train_mean"]
    benchmarks = Benchmarks(
        mean,
        samples.last_values,
        mean,
        samples.dates,
        horizon=1,
        is_volatility=False,
        nested=("zero", "train_mean", "none"),
    )
    assert found.model == score(forecast, samples.truth, benchmarks)
    assert [one.name for one in found.baselines] == list(baselines)
    assert [one.name for one in found.references] == ["example 0", "example 1"]
    assert [one.name for one in found.seeds] == ["model", "example 0", "example 1"]
    names = {"model", *baselines, "example 0", "example 1"}
    assert set(found.series.squared_errors) == names
    (view,) = found.by_loss
    assert isinstance(view.confidence_set.p_values, dict)
    assert set(view.confidence_set.p_values) == names
    assert view.superior.benchmark == "train_mean"
    assert view.encompassing.rival == "ridge"
    losses = losses_by_date(MSE, samples.truth - forecast, samples.dates)
    assert found.series.squared_errors["model"] == pytest.approx(losses)
    assert isinstance(found.baselines[0].clark_west, Statistic)
    assert sum(count for *_, count in found.calibration) == found.n
    assert (found.selection.trials, found.selection.studies, found.selection.pbo_trials) == (
        40,
        2,
        12,
    )
    assert isinstance(found.trading, Trading)
    assert found.trading.trials == 40


@pytest.mark.parametrize("kind", ["log_return", "log_volatility"])
def test_positions_are_scaled_by_values_known_before_the_test_block(kind: Kind) -> None:
    """Returns by the sd of forecasts on validation, volatility by its median on train."""
    given = inputs(kind=kind)
    target, validation, samples, members = (
        given[name] for name in ("target", "validation", "samples", "members")
    )
    assert isinstance(target, Target)
    assert isinstance(validation, Validation)
    assert isinstance(samples, Samples)
    assert isinstance(members, np.ndarray)
    given["settings"] = dataclasses.replace(
        SETTINGS, position="scaled", costs_bps=2.0, repetitions=9
    )
    scale = float(validation.model.std()) if kind == "log_return" else -9.0
    expected = trade(
        members.mean(axis=0),
        samples.log_returns,
        samples.dates,
        samples.ticker_of_sample,
        Rule(kind, "scaled", scale),
        costs_bps=2.0,
        sessions_a_year=252,
        trials=40,
        seed=derive_seed(3, "sharpe"),
        repetitions=9,
    )
    assert look(given).trading == expected


def test_the_horizon_reaches_every_test() -> None:
    """Labels that span the whole block leave no test of accuracy, nesting or direction."""
    given = inputs()
    target = given["target"]
    assert isinstance(target, Target)
    found = look({**given, "target": dataclasses.replace(target, horizon=60)})
    too_long = NotComputed("n = 60 <= horizon 60")
    assert found.horizon == 60
    zero = found.baselines[0]
    assert zero.mse.diebold_mariano == zero.clark_west == too_long
    assert found.baselines[3].hit_rate == too_long
    assert found.model.pesaran_timmermann == too_long
    assert found.by_loss[0].mincer_zarnowitz.wald == too_long
    assert found.by_loss[0].encompassing.rival_suffices == too_long


def test_qlike_is_scored_on_smeared_forecasts() -> None:
    """Each forecast gets its own constant from validation, in every part that uses QLIKE."""
    given = inputs(kind="log_volatility")
    validation, samples, members = (given[name] for name in ("validation", "samples", "members"))
    assert isinstance(validation, Validation)
    assert isinstance(samples, Samples)
    assert isinstance(members, np.ndarray)
    found = look(given)
    on_validation = {**validation.forecasts, "model": validation.model}
    for name, metrics in [("model", found.model)] + [(c.name, c.metrics) for c in found.baselines]:
        residuals = validation.truth - on_validation[name]
        assert metrics.smearing == pytest.approx(np.log(np.mean(np.exp(residuals))))
    errors = samples.truth - members.mean(axis=0) - found.model.smearing
    assert found.model.qlike == pytest.approx(np.mean(np.exp(errors) - errors - 1))
    by_mse, by_qlike = found.by_loss
    assert by_mse.confidence_set != by_qlike.confidence_set
    assert by_mse.mincer_zarnowitz != by_qlike.mincer_zarnowitz
    assert by_mse.encompassing != by_qlike.encompassing


def test_a_reference_with_fewer_seeds_is_in_no_set_with_the_model() -> None:
    """It is compared seed by seed, but not with the whole ensemble in SPA or confidence set."""
    given = inputs()
    references = given["references"]
    assert isinstance(references, dict)
    found = look({**given, "references": {**references, "example 1": references["example 1"][:1]}})
    assert found.references[1].members == 1
    p_values = found.by_loss[0].confidence_set.p_values
    assert isinstance(p_values, dict)
    assert "example 0" in p_values
    assert "example 1" not in p_values


def test_the_rival_is_the_best_on_validation_not_on_test() -> None:
    """A baseline that is best on the test block alone is not the rival."""
    given = inputs(kind="log_volatility")
    baselines, samples = given["baselines"], given["samples"]
    assert isinstance(baselines, dict)
    assert isinstance(samples, Samples)
    found = look({**given, "baselines": {**baselines, "persistence": samples.truth}})
    assert found.rival == "ridge"
    assert found.baselines[2].metrics.mse == 0.0


def test_looks_are_counted_against_skill() -> None:
    """The same forecasts have skill at the first look and none at the hundred-millionth."""
    given = inputs()
    search = given["search"]
    assert isinstance(search, SearchFacts)
    often = look({**given, "search": dataclasses.replace(search, looks=10**8)})
    assert look(given).verdict.has_skill is True
    assert often.verdict.has_skill is False


def test_a_sample_that_one_forecast_lacks_is_left_out_for_all() -> None:
    """If HAR lacks its first month, every forecast is scored on the days that HAR has."""
    given = inputs(kind="log_volatility", days=80)
    whole = look(given)
    baselines = given["baselines"]
    assert isinstance(baselines, dict)
    har = baselines["har"].copy()
    har[:22] = np.nan
    found = look({**given, "baselines": {**baselines, "har": har}})
    assert (whole.n, found.n) == (80, 58)
    assert found.start == dt.date(2020, 1, 23)
    assert len(found.series.truth) == 58
    assert found.model.mse != whole.model.mse


def test_a_baseline_without_values_is_dropped() -> None:
    """If HAR has no values, the train mean is the benchmark, on all samples."""
    given = inputs(kind="log_volatility")
    baselines = given["baselines"]
    assert isinstance(baselines, dict)
    gone = {**baselines, "har": np.full(60, np.nan)}
    assert benchmark_name(gone) == "train_mean"
    found = look({**given, "baselines": gone})
    assert (found.benchmark, found.n) == ("train_mean", 60)
    assert "har" not in [one.name for one in found.baselines]


def test_nothing_in_common_and_shared_names_are_refused() -> None:
    """Forecasts without a common sample, or with the same name, raise an error."""
    given = inputs()
    members = given["members"]
    assert isinstance(members, np.ndarray)
    with pytest.raises(ValueError, match="needs a sample that every forecast covers"):
        look({**given, "members": np.full_like(members, np.nan)})
    with pytest.raises(ValueError, match=r"\['ridge'\] are used twice"):
        look({**given, "references": {"ridge": members}})


def test_a_short_test_block_says_so_everywhere() -> None:
    """On 20 days there are scores, and each test gives the number of days as its reason."""
    given = inputs(days=20, tickers=4)
    found = look(given)
    short = NotComputed("n = 20 < 30")
    assert found.model.pesaran_timmermann == short
    view = found.by_loss[0]
    assert view.superior.p_value == view.confidence_set.p_values == found.panel == short
    assert view.mincer_zarnowitz.wald == view.encompassing.rival_suffices == short
    assert {one.mse.diebold_mariano for one in found.baselines} == {short}
    assert found.trading == NotComputed("n = 18 < 30")
    assert found.verdict.has_skill is None
    assert found.verdict.search_paid is None


def test_constant_truth_gives_reasons_not_nan() -> None:
    """A constant market has no direction and no correlation."""
    given = inputs(tickers=3)
    samples = given["samples"]
    assert isinstance(samples, Samples)
    given["samples"] = dataclasses.replace(samples, truth=np.zeros(180))
    found = look(given)
    assert all(math.isfinite(number) for number in numbers(found))
    assert found.model.pesaran_timmermann == NotComputed("the truth has only one direction")
    assert found.baselines[0].metrics.mse == 0.0
    assert found.model.r2_zero == NotComputed("the benchmark has no error")


def test_no_skill_is_what_noise_gets() -> None:
    """Forecasts independent of the truth have no skill, and the search has no value."""
    verdicts = [look(inputs(days=250, skill=0.0, seed=seed)).verdict for seed in range(12)]
    assert sum(verdict.has_skill is True for verdict in verdicts) <= 3
    assert sum(verdict.search_paid is True for verdict in verdicts) <= 3


def test_the_same_seed_gives_the_same_evaluation() -> None:
    """All randomness comes from the seed."""
    assert look(inputs()) == look(inputs())


def test_no_references() -> None:
    """Without references the search has no verdict."""
    found = look(inputs(references=0))
    assert found.references == ()
    assert found.verdict.search_paid is None


@pytest.mark.process
def test_a_worker_starts_light() -> None:
    """Importing the evaluation loads neither arch, statsmodels nor scikit-learn."""
    code = (
        "import sys, lstm_model.evaluation.evaluate;"
        "heavy = {'arch', 'statsmodels', 'sklearn'};"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
