"""`lstm-hpo forecast --why` on a registered model, as a user types it."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from flows.cli import call
from lstm_model.data.scaling import Scaler
from lstm_model.model.bundle import Bundle
from tests.pipeline.conftest import QUICKSTART
from tests.tasks.tracking.conftest import NAME, Store

pytestmark = pytest.mark.process  # MLflow asks git for a commit

Command = Callable[..., str]


@pytest.fixture
def command(store: Store, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command on the registry's bars and models, and return what it prints."""
    own = {
        "tracking.uri": store.uri, "tracking.model_name": NAME,
        "data.raw_dir": str(store.folder / "data/raw"),
    }  # fmt: skip

    def run(*words: str) -> str:
        settings = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
        capfd.readouterr()
        status = call([*words, "--config", QUICKSTART, *settings])
        out, err = capfd.readouterr()
        assert status == 0, err
        return out

    return run


def test_the_parts_of_a_forecast_are_told(
    store: Store, bundle: Bundle, bars: pd.DataFrame, command: Command
) -> None:
    """The lines have features, signs, unit and bars; JSON has parts that add up to the forecast."""
    store.register(bundle, bars)
    command("champion", "promote", "1", "--why", "the first")
    plain = command("forecast", "--stale").splitlines()
    told = command("forecast", "--stale", "--why").splitlines()
    assert [line for line in told if line in plain] == plain
    assert told[1].startswith("why, in log variance of a session's range; the parts add up to")
    assert not any("HAR's forecast" in line for line in told)
    assert {line.split()[1] for line in told[3:6]} == set(bundle.feature_names)
    assert told[6].startswith("  by bar, of the sizes of all contributions: last bar ")

    (row,) = json.loads(command("forecast", "--stale", "--why", "--json"))
    why = row["why"]
    assert (why["har"], list(why["lag_shares"])) == (None, ["last bar", "bars 2-5", "bars 6-20"])
    parts = why["baseline"] + sum(why["features"].values())
    assert parts == pytest.approx(row["forecast"], rel=0, abs=0.01 * abs(why["network"]))
    assert parts + why["gap"] == pytest.approx(row["forecast"], abs=1e-5)


def test_har_has_its_own_line(
    store: Store, bundle: Bundle, bars: pd.DataFrame, command: Command
) -> None:
    """A model that corrects HAR says what HAR forecasts and what the network adds to it."""
    weights = (0.3, 0.4, 0.2)
    scaler = Scaler(np.full(3, -9.5), np.full(3, 1.2), -1.0, 0.8, skip_weights=weights)
    store.register(replace(bundle, scaler=scaler), bars)
    command("champion", "promote", "1", "--why", "the first")
    (row,) = json.loads(command("forecast", "--stale", "--why", "--json"))
    why = row["why"]
    assert why["har"] + why["network"] == pytest.approx(row["forecast"], abs=1e-5)
    told = command("forecast", "--stale", "--why")
    assert f"HAR's forecast {why['har']:.4f}, the network adds {why['network']:+.4f}" in told
