"""What a worker does for a night of a replay: prepare its data, and train and forecast.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

import hashlib
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import day_of
from lstm_model.data.har import HAR_TERMS
from lstm_model.data.linear import least_squares
from lstm_model.data.views import Rows
from lstm_model.errors import LstmHpoError
from lstm_model.replay.nights import (
    BENCHMARK,
    FIXED,
    JUDGED,
    JUDGED_BENCHMARK,
    SERVED,
    ReplaySamples,
)
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet
from tasks.data.write_views import compute_every_row, write_data_set
from tasks.replay.bars import ReplayBars
from tasks.replay.night_training import NightEnsemble, NightModels, NightTraining, residual_constant

Values = Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class PrepareSpec:
    """What the data of a night depends on.

    bars: of the replay. day: of the night. folder: where the data set is written.
    """

    config: PipelineConfig
    bars: ReplayBars
    day: int
    folder: str


@dataclass(frozen=True, slots=True)
class FinishSpec:
    """What the final trainings and forecasts of a night depend on.

    data_set: of the night. bars: of the whole replay; they are read after the training, to forecast
    them. night: its day. best, fixed: parameters of the search, and of the first night. seeds: of
    the networks. root: folder where the judged networks stay, for a warm start of the next night.
    start: folder of such networks to begin with, of the same shape; random weights if None.
    """

    config: PipelineConfig
    data_set: DataSet
    bars: ReplayBars
    night: int
    best: HyperParams
    fixed: HyperParams
    seeds: tuple[int, ...]
    root: str
    start: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """What a night's models forecast; `failure` says why there are none."""

    forecasts: dict[str, Values]
    smearing: dict[str, float]
    epochs: tuple[int, ...]
    seconds: float
    failure: str = ""


def prepare_night(spec: PrepareSpec) -> tuple[DataSet, str]:
    """Write the data set that a night would have had; return it and the hash of its bars."""
    bars = spec.bars.of_night(spec.day)
    hashed = pd.util.hash_pandas_object(bars.frame, index=False).to_numpy()
    sha256 = hashlib.sha256(hashed.tobytes()).hexdigest()
    return write_data_set(lambda: [bars], spec.config, Path(spec.folder), sha256), sha256


def finish_night(spec: FinishSpec) -> Finished:
    """Train the judged networks, fit them again on all bars, and forecast every later sample.

    The night's data is removed afterwards. A night whose trainings all fail has no forecasts.
    """
    started = time.monotonic()
    try:
        with TemporaryDirectory() as scratch:
            work = NightTraining(spec.config, spec.data_set, spec.seeds, Path(scratch))
            best = work.train(spec.best, spec.start)
            fixed = best if spec.fixed == spec.best else work.train(spec.fixed, None)
            if spec.config.training.warm_start == "weights":
                work.keep(best, Path(spec.root))
            forecasts = _forecasts(spec, best, fixed)
    except LstmHpoError as error:
        return Finished({}, {}, (), time.monotonic() - started, " ".join(str(error).split()))
    finally:
        for path in Path(spec.data_set.search_path).parent.iterdir():
            shutil.rmtree(path, ignore_errors=True)
    benchmark, constants = _benchmarks(spec)
    smearing = {}
    if spec.config.target.kind == "log_volatility":
        smearing = constants | {JUDGED: best.smearing, SERVED: best.smearing, FIXED: fixed.smearing}
    return Finished(forecasts | benchmark, smearing, best.epochs, time.monotonic() - started)


def _forecasts(spec: FinishSpec, best: NightModels, fixed: NightModels) -> dict[str, Values]:
    rows, ends = _range(spec.bars, spec.config)
    in_block = rows.dates[ends] >= day_of(spec.data_set.test_start)
    after = rows.dates[ends] >= spec.night

    def column(ensemble: NightEnsemble, kept: np.ndarray) -> Values:
        values = np.full(len(ends), np.nan)
        values[kept] = ensemble.forecast(rows, ends[kept])
        return values

    found = {JUDGED: column(best.judged, in_block), SERVED: column(best.served, after)}
    return found | {FIXED: found[SERVED] if fixed is best else column(fixed.served, after)}


def _benchmarks(spec: FinishSpec) -> tuple[dict[str, Values], dict[str, float]]:
    """Fit HAR, or the mean of the labels, on all samples up to the night, and on train alone."""
    rows, ends = _range(spec.bars, spec.config)
    terms = HAR_TERMS if spec.config.target.kind == "log_volatility" else 0
    x, y, days = rows.har_terms[ends][:, :terms], rows.labels[ends], rows.dates[ends]
    known = (rows.label_ends[ends] <= spec.night) & np.isfinite(y)
    trained = known & (rows.label_ends[ends] < day_of(spec.data_set.validation_start))
    forecasts, smearing = {}, {}
    for name, fitted, start in (
        (BENCHMARK, known, spec.night),
        (JUDGED_BENCHMARK, trained, day_of(spec.data_set.test_start)),
    ):
        intercept, weights = least_squares(x[fitted], y[fitted])
        values = intercept + x @ weights
        smearing[name] = residual_constant(y[fitted] - values[fitted])
        forecasts[name] = np.where(days >= start, values, np.nan)
    return forecasts, smearing


def _range(bars: ReplayBars, config: PipelineConfig) -> tuple[Rows, Int[np.ndarray, " sample"]]:
    """Return the rows of all bars of the replay, and those that can be forecast, by day."""
    return _range_of(bars, config.model_dump_json())


@lru_cache(maxsize=1)
def _range_of(bars: ReplayBars, config: str) -> tuple[Rows, Int[np.ndarray, " sample"]]:
    panel = bars.of_range()
    rows, whole = compute_every_row(lambda: [panel], PipelineConfig.model_validate_json(config))
    ends = np.flatnonzero(whole & np.isfinite(rows.last_values))
    return rows, ends[np.argsort(rows.dates[ends], kind="stable")]


def samples_of(bars: ReplayBars, config: PipelineConfig) -> ReplaySamples:
    """Return every sample that a night of the replay may forecast."""
    rows, ends = _range(bars, config)
    return ReplaySamples(
        tickers=tuple(rows.tickers[code] for code in rows.ticker_of_row[ends]),
        days=rows.dates[ends],
        label_ends=rows.label_ends[ends],
        truth=rows.labels[ends],
    )
