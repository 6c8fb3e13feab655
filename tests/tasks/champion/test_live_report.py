"""What the forecasts of a version were worth live, as known then and as known now."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_model.config.loader import parse_config
from lstm_model.data.calendar import day_of
from lstm_model.model.bundle import Bundle
from lstm_model.model.judged_errors import JudgedErrors
from tasks.champion.forecast import truths_of
from tasks.champion.ledger import ledger_of
from tasks.champion.live_report import score_now
from tasks.data.download import take_snapshot
from tasks.data.snapshots import read_bars
from tests.stored import raw_bars
from tests.tasks.champion.test_ledger import forecast
from tests.tasks.tracking.conftest import (  # noqa: F401 - fixtures
    NAME,
    Store,
    bars,
    bundle,
    store,
)

pytestmark = pytest.mark.process  # MLflow asks git which commit this is


def test_scores_are_beside_the_test_block(
    tmp_path: Path,
    store: Store,  # noqa: F811 - the fixture
    bundle: Bundle,  # noqa: F811 - the fixture
    bars: pd.DataFrame,  # noqa: F811 - the fixture
) -> None:
    """A version has its live error as known then and now, its coverage, and its test block's."""
    judged = JudgedErrors(np.arange(300), np.full(300, 0.5))
    store.register(replace(bundle, judged_errors=judged), bars)
    folder = tmp_path / "bars"
    folder.mkdir()
    raw = raw_bars().assign(high=lambda frame: (frame["high"] * 1.01).round(2))
    raw.to_csv(folder / "X.csv", index=False)
    config = parse_config(
        {"data": {"source": "csv", "csv_dir": str(folder), "tickers": ["X"],
                  "raw_dir": str(tmp_path / "data/raw")},
         "target": {"kind": "log_volatility"},
         "tracking": {"uri": store.uri, "model_name": NAME, "experiment": "e"}}
    )  # fmt: skip
    assert score_now(config) == (0, ())
    made = [
        replace(forecast(), model_name=NAME, last_bar=raw["date"][row],
                session=raw["date"][row + 1], opens_at=f"{raw['date'][row + 1]}T14:30:00.000000")
        for row in (20, 21)
    ]  # fmt: skip
    gone = replace(made[0], model_version=7)
    evening = dt.datetime.fromisoformat(f"{raw['date'][20]}T20:00:00")
    ledger_of(config).append([*made, gone], evening)
    known = [t for t in truths_of(read_bars(take_snapshot(config.data)), made) if t is not None]
    count, (report, other) = score_now(config)
    assert count == 3
    errors = [truth - one.forecast for (truth, _), one in zip(known, made, strict=True)]
    assert report.live.mse == pytest.approx(np.mean(np.square(errors)))
    assert report.mse_now == pytest.approx(report.live.mse)
    assert report.test_mse == pytest.approx(0.25)
    text = "\n".join(report.lines())
    assert text.startswith("version 1: 2 forecasts came true")
    assert "0.25 on the test block" in text
    assert "not computed: it has no errors of a test block" in "\n".join(other.lines())

    # The vendor corrects a bar: what was known then stays, what is known now moves.
    corrected = raw.copy()
    corrected.loc[22, "high"] = round(corrected.loc[22, "high"] * 1.002, 2)
    corrected.to_csv(folder / "X.csv", index=False)
    count, (again, _) = score_now(config)
    assert (count, again.live.mse) == (0, report.live.mse)
    assert again.mse_now != report.live.mse
    assert day_of(dt.date.fromisoformat(raw["date"][20])) in again.live.days
