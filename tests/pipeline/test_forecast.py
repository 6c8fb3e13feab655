"""From a night to tomorrow's forecast: champion, forecast, ledger, as a user types them."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from flows.cli import call
from lstm_model.data.calendar import last_closed_session, next_session, sessions_between
from tests.pipeline.conftest import QUICKSTART, Command

pytestmark = pytest.mark.e2e


def write_bars(folder: Path, today: dt.date, end: dt.date) -> None:
    """Write 700 bars of a made stock up to today's session, without those after `end`."""
    days = sessions_between("XNYS", today - dt.timedelta(days=1100), today)[-700:]
    draws = np.random.default_rng(3)
    moves = draws.normal(0, 0.01, (3, len(days)))
    close = 100 * np.exp(np.cumsum(moves[0]))
    rows = {
        "date": days, "open": close, "high": close * np.exp(np.abs(moves[1])),
        "low": close * np.exp(-np.abs(moves[2])), "close": close, "volume": 1e6,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    frame = pd.DataFrame(rows).round(4)
    frame[frame["date"] <= end].to_csv(folder / "X.csv", index=False)


def require_importance(summary: dict[str, Any]) -> None:
    """Assert that the night measured what its final model rests on, on the whole test block."""
    rests_on, test = summary["permutation"], summary["test"]
    assert rests_on["mse"] == pytest.approx(test["model"]["mse"])
    assert rests_on["samples"] == rests_on["block_samples"] == test["n"]
    assert len(rests_on["features"]) == 16
    assert [other["name"] for other in rests_on["others"]] == ["HAR's forecast"]


def require_parts(plain: dict[str, Any], told: dict[str, Any]) -> None:
    """Assert that a forecast with its parts is the one without, and that they add up to it."""
    assert told.keys() - plain.keys() == {"why"}
    assert (told["session"], told["forecast"]) == (plain["session"], plain["forecast"])
    why = told["why"]
    parts = why["har"] + why["baseline"] + sum(why["features"].values()) + why["gap"]
    assert parts == pytest.approx(plain["forecast"], abs=1e-5)
    assert len(why["features"]) == 16


def test_from_a_night_to_a_forecast_that_came_true(
    lstm_hpo_run: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A forecast needs a champion and the newest session, is written once, and is scored later."""
    today = last_closed_session("XNYS", dt.datetime.now(dt.UTC))
    last = sessions_between("XNYS", today - dt.timedelta(days=9), today)[-2]
    bars = tmp_path / "bars"
    write_bars(bars, today, last)
    own = {
        "data.source": "csv", "data.csv_dir": str(bars), "data.tickers": "[X]",
        "data.start": "null", "data.raw_dir": str(tmp_path / "data/raw"),
        "windows.length": "20",
    }  # fmt: skip
    night = {key.replace(".", "__"): value for key, value in own.items()}
    ended = lstm_hpo_run("--trials", "1", champion__automatic="false", **night)
    assert ended.status == 0
    require_importance(ended.summary)

    def command(*words: str) -> tuple[int, str, str]:
        settings = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
        status = call([*words, "--config", QUICKSTART, *settings])
        return status, *capfd.readouterr()

    status, _, err = command("champion", "show")
    assert (status, err.count("\n")) == (1, 1)
    assert "has no champion; name one with" in err
    status, _, err = command("forecast")
    assert (status, "must have a champion but has none" in err) == (1, True)
    assert command("champion", "promote", "7", "--why", "x")[0] == 1
    assert command("champion", "promote", "1", "--why", "the first")[0] == 0
    shown = json.loads(command("champion", "show", "--json")[1])
    assert (shown["name"], shown["version"], shown["why"]) == ("lstm-hpo", 1, "the first")

    status, _, err = command("forecast")
    assert status == 1
    assert f"1 have closed since the last bar with prices, {last}, the first on {today}" in err
    (stale,) = json.loads(command("forecast", "--stale", "--json")[1])
    assert stale["session"] == today.isoformat()
    (told,) = json.loads(command("forecast", "--stale", "--why", "--json")[1])
    require_parts(stale, told)

    write_bars(bars, today, today)
    status, out, err = command("forecast", "--json", "--why")
    assert status == 0, err
    (made,) = json.loads(out)
    assert (made["ticker"], made["model_version"]) == ("X", 1)
    assert made["session"] == next_session("XNYS", today).isoformat()
    assert made["annualised_volatility"] > 0
    assert (made["coverage"], made["lower"] < made["forecast"] < made["upper"]) == (0.9, True)
    (stored,) = (tmp_path / "data/forecasts").iterdir()
    row = pd.read_parquet(stored).iloc[0].to_dict()
    assert row == {key: value for key, value in made.items() if key != "why"}
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    (run,) = client.search_runs(["1"], "tags.role = 'forecast'")
    assert (run.info.status, run.data.tags["model_version"]) == ("FINISHED", "1")
    status, _, err = command("forecast")
    assert (status, "may forecast" in err) == (1, True)
    status, out, _ = command("ledger", "verify")
    assert (status, out.startswith("1 entries hold")) == (0, True)
    assert "not yet known" in command("ledger", "show")[1]

    anchor = run.data.tags["ledger_sha256"]
    a_changed_ledger_is_told(tmp_path / "data/ledger.jsonl", anchor, made["forecast"], command)


def test_a_refit_takes_the_champions_parameters(
    lstm_hpo_run: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The gate names the first champion; a refit searches nothing and is judged and registered.

    Without a champion it says so. The first forecast of the served model is of the newest bars.
    """
    assert lstm_hpo_run("--trials", "1", search__mode="refit").status == 1
    night = lstm_hpo_run("--trials", "1", search__examples="0")
    assert night.status == 0, night.err
    assert (night.summary["gate"]["promoted"], night.summary["served"]) == (True, "refit")
    warm = {"search__mode": "refit", "training__warm_start": "weights"}
    again = lstm_hpo_run(data__end="2018-12-20", **warm)
    assert again.status == 0, again.err
    assert "no warm start: version 1 may have learnt from tonight's test block" in again.err
    assert "no search tonight: the parameters are those of version 1" in again.err
    assert again.summary["best"]["params"] == night.summary["best"]["params"]
    assert len(again.summary["trials"]) == 1
    gate = again.summary["gate"]
    assert (gate["champion"], gate["challenger"]) == (1, 2)
    # The champion had learnt the oldest days of the refit's test block, so they do not count.
    assert 0 < again.summary["test"]["n"] - gate["dates"] < 10

    third = lstm_hpo_run(**warm)
    assert third.status == 0, third.err
    second_folder, third_folder = (
        tmp_path / "data/models" / one.summary["mlflow"]["run_id"] for one in (again, third)
    )
    assert not list(second_folder.glob("warm-*"))
    began = load_file(third_folder / "warm-0.safetensors")
    ended = load_file(second_folder / "winner/weights.safetensors")
    assert {f"0.{name}": tensor.tolist() for name, tensor in began.items()} == {
        name: tensor.tolist() for name, tensor in ended.items()
    }
    trained = load_file(third_folder / "winner/weights.safetensors")
    moved = max(float((trained[name] - ended[name]).abs().max()) for name in ended)
    assert 0 < moved < 0.2


def a_changed_ledger_is_told(
    ledger: Path, anchor: str, value: float, command: Callable[..., tuple[int, str, str]]
) -> None:
    """Neither a cut end nor a changed number goes unseen, and nothing is added to such a ledger."""
    whole = ledger.read_text()
    assert anchor == json.loads(whole)["sha256"]
    ledger.write_text("")
    status, out, _ = command("ledger", "verify")
    assert (status, out) == (1, "entry 1 does not hold: it was cut off: MLflow knows it\n")
    ledger.write_text(whole.replace(f'"forecast": {value!r}', '"forecast": -1.0'))
    status, out, _ = command("ledger", "verify")
    assert (status, out) == (1, "entry 1 does not hold: its content was changed\n")
    status, _, err = command("forecast")
    assert (status, "must hold but entry 1 does not" in err) == (1, True)


class CrashError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("step", ["append", "write_last_forecasts", "record_last_forecasts"])
def test_a_forecast_that_is_cut_off(
    lstm_hpo_run: Command,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """Before the ledger nothing has happened; after it the next call makes the rest from it."""
    from tasks.champion.ledger import Ledger

    today = last_closed_session("XNYS", dt.datetime.now(dt.UTC))
    write_bars(tmp_path / "bars", today, today)
    own = {
        "data.source": "csv", "data.csv_dir": str(tmp_path / "bars"), "data.tickers": "[X]",
        "data.start": "null", "data.raw_dir": str(tmp_path / "data/raw"), "windows.length": "20",
    }  # fmt: skip
    night = {key.replace(".", "__"): value for key, value in own.items()}
    assert lstm_hpo_run("--trials", "1", **night).status == 0
    settings = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
    words = ["--config", QUICKSTART, *settings]
    call(["champion", "promote", "1", "--why", "test", *words])  # unless the gate has done it

    def crash(*_: object, **__: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        if step == "append":
            patch.setattr(Ledger, step, crash)
        else:
            import flows.forecast

            whole = getattr(flows.forecast, step)
            calls = iter([whole, crash])  # the first call finds nothing to do

            def second_time(*given: object) -> object:
                return next(calls)(*given)

            patch.setattr(flows.forecast, step, second_time)
        assert call(["forecast", *words]) == 1
    capfd.readouterr()
    status = call(["forecast", *words])
    assert (status, "may forecast" in capfd.readouterr().err) == ((0, False), (1, True))[
        step != "append"
    ]
    assert len((tmp_path / "data/ledger.jsonl").read_text().splitlines()) == 1
    assert len(list((tmp_path / "data/forecasts").iterdir())) == 1
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}")
    (run,) = client.search_runs(["1"], "tags.role = 'forecast'")
    assert run.info.status == "FINISHED"
    assert call(["ledger", "verify", *words]) == 0
