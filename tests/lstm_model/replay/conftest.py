"""Made nights of a replay: forecasts with errors of a chosen size, and no training."""

from collections.abc import Callable

import numpy as np
import pytest

from lstm_model.replay.nights import (
    BENCHMARK,
    FIXED,
    JUDGED,
    JUDGED_BENCHMARK,
    SERVED,
    ReplayNight,
    ReplaySamples,
    TriedParams,
)
from lstm_model.search.hyper_params import HyperParams

NightMaker = Callable[..., ReplayNight]
DAYS = 400


@pytest.fixture(scope="session")
def samples() -> ReplaySamples:
    """One ticker, a sample a day, whose truth is known a day later; the last one's is not."""
    days = 17_000 + np.arange(DAYS)
    truth = np.random.default_rng(0).normal(size=DAYS)
    truth[-1] = np.nan
    return ReplaySamples(("X",) * DAYS, days, days + 1, truth)


@pytest.fixture(scope="session")
def make_night(samples: ReplaySamples) -> NightMaker:
    """Return a night whose forecasts miss the truth by errors of a size; the benchmark's is 2."""

    def make(place: int, size: float, block: int = 200, failure: str = "") -> ReplayNight:
        day = int(samples.days[place])
        start = day - block
        draws = np.random.default_rng(1)
        errors = draws.normal(size=DAYS)
        own = size * errors + 0.05 * np.random.default_rng(place).normal(size=DAYS)
        served = samples.days >= day
        judged = samples.days >= start
        truth = np.nan_to_num(samples.truth)

        def column(misses: np.ndarray, where: np.ndarray) -> np.ndarray:
            return np.where(where, truth - misses, np.nan)

        forecasts = {
            JUDGED: column(own, judged), SERVED: column(own / 2, served),
            FIXED: column(own + 1, served), BENCHMARK: column(2 * errors, served),
            JUDGED_BENCHMARK: column(2 * errors, judged),
        }  # fmt: skip
        return ReplayNight(
            day=day, test_start=start, snapshot_sha256="s" * 64,
            trials=(TriedParams(HyperParams(), 0.9), TriedParams(HyperParams(hidden_size=8), 0.8)),
            best=1, epochs=(3,), seconds=(1.0, 2.0),
            forecasts={} if failure else forecasts, smearing={}, failure=failure,
        )  # fmt: skip

    return make
