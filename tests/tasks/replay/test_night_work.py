"""A night's work as a worker does it, in this process: data, trainings, forecasts, failures."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.replay.nights import BENCHMARK, COLUMNS, FIXED, JUDGED, SERVED
from lstm_model.search.hyper_params import HyperParams
from tasks.data.download import take_snapshot
from tasks.replay.bars import ReplayBars
from tasks.replay.night_work import (
    FinishSpec,
    PrepareSpec,
    finish_night,
    prepare_night,
    samples_of,
)

DAY = 16_770
"""2015-12-01."""

BEST = HyperParams(hidden_size=4, num_layers=1, lr=0.005)


def small(folder: Path, kind: str = "log_volatility", **training: object) -> PipelineConfig:
    return parse_config(
        {
            "data": {"source": "bundled", "tickers": ["^GSPC"], "start": "2013-01-01",
                     "end": "2016-06-30", "raw_dir": str(folder / "raw")},
            "target": {"kind": kind, "skip": "har" if kind == "log_volatility" else "none"},
            "windows": {"length": 10},
            "training": {"epochs": 1, "retrain": {"max_epochs": 2, "patience": 1, "seeds": 2},
                         **training},
        }
    )  # fmt: skip


def spec_of(config: PipelineConfig, folder: Path) -> FinishSpec:
    bars = ReplayBars.of(take_snapshot(config.data))
    data_set, sha256 = prepare_night(PrepareSpec(config, bars, DAY, str(folder / "data")))
    assert len(sha256) == 64
    return FinishSpec(
        config=config, data_set=data_set, bars=bars, night=DAY, best=BEST, fixed=BEST,
        seeds=(1, 2), root=str(folder / "weights"), start=None,
    )  # fmt: skip


def test_a_night_forecasts_all_that_comes(tmp_path: Path) -> None:
    """Judged and served networks differ, the fixed ones are the served; the data is removed."""
    config = small(tmp_path)
    spec = spec_of(config, tmp_path)
    done = finish_night(spec)
    samples = samples_of(spec.bars, config)
    after = samples.days >= DAY
    assert (done.failure, set(done.forecasts), len(done.epochs)) == ("", set(COLUMNS), 2)
    assert (done.forecasts[SERVED][after] != done.forecasts[JUDGED][after]).all()
    np.testing.assert_array_equal(done.forecasts[FIXED], done.forecasts[SERVED])
    known = after & np.isfinite(samples.truth)
    errors = {name: samples.truth - values for name, values in done.forecasts.items()}
    for name in (JUDGED, SERVED):  # hardly trained, it is nearly HAR
        ratio = np.mean(errors[name][known] ** 2) / np.mean(errors[BENCHMARK][known] ** 2)
        assert 0.8 < ratio < 1.3
    assert done.smearing[JUDGED] == done.smearing[SERVED] > 0
    assert not list((tmp_path / "data").iterdir())
    assert not (tmp_path / "weights").exists()


def test_a_warm_start_begins_at_the_night_before(tmp_path: Path) -> None:
    """With weights kept from a night, the next begins there and gets other forecasts."""
    config = small(tmp_path, warm_start="weights", deploy="judged")
    cold = finish_night(spec_of(config, tmp_path))
    served = cold.forecasts[SERVED]
    after = np.isfinite(served)
    # Windows in other batches: the last digits differ.
    np.testing.assert_allclose(served[after], cold.forecasts[JUDGED][after], rtol=0, atol=1e-6)
    assert len(list((tmp_path / "weights").iterdir())) == 2
    again = replace(spec_of(config, tmp_path), start=str(tmp_path / "weights"))
    warm = finish_night(replace(again, root=str(tmp_path / "next")))
    assert np.nanmax(np.abs(warm.forecasts[JUDGED] - cold.forecasts[JUDGED])) > 1e-6


def test_other_parameters_are_trained_apart(tmp_path: Path) -> None:
    """The first night's parameters have networks of their own; returns have no smearing."""
    config = small(tmp_path, kind="log_return")
    spec = replace(spec_of(config, tmp_path), fixed=replace(BEST, hidden_size=8))
    done = finish_night(spec)
    assert done.smearing == {}
    after = samples_of(spec.bars, config).days >= DAY
    assert (done.forecasts[FIXED][after] != done.forecasts[SERVED][after]).all()
    assert len(set(done.forecasts[BENCHMARK][after])) == 1  # the mean of the labels


def test_a_night_whose_trainings_diverge_has_no_model(tmp_path: Path) -> None:
    """The reason is told in place of forecasts, and the night's data is removed all the same."""
    spec = spec_of(small(tmp_path), tmp_path)
    wild = HyperParams(hidden_size=4, num_layers=1, lr=1e30, optimiser="sgd")
    done = finish_night(replace(spec, best=wild))
    assert done.forecasts == {}
    assert "loss must be finite" in done.failure
    assert not list((tmp_path / "data").iterdir())
