"""Losses for the tests of the gate."""

from collections.abc import Callable

import numpy as np
import pytest

from lstm_model.champion.paired import DatedLosses, PairedLosses

PairMaker = Callable[..., PairedLosses]


@pytest.fixture(scope="session")
def make_pair() -> PairMaker:
    """Squared errors of two forecasts with correlated errors, of which one may be better."""

    def make(seed: int = 0, days: int = 200, gain: float = 0.0, size: float = 0.2) -> PairedLosses:
        draws = np.random.default_rng(seed)
        common = draws.normal(size=days)
        ours, theirs = common + size * draws.normal(size=(2, days))
        dates = 17_000 + np.arange(days)
        return PairedLosses(
            champion=DatedLosses(dates, ours**2),
            challenger=DatedLosses(dates, (1 - gain) * theirs**2),
            benchmark=DatedLosses(dates, 5 + common**2),
        )

    return make
