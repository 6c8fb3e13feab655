"""`lstm-hpo replay` as a user types it, beside the real night of one of its dates."""

import json
from pathlib import Path

import numpy as np
import pytest

from flows.cli import call
from tasks.replay.stored_nights import read_night

from .conftest import QUICKSTART, SMALL, Command

pytestmark = pytest.mark.e2e


def test_a_replayed_night_is_the_real_one(
    lstm_hpo_run: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Trials of a replayed night are a real night's to the bit, and so is its judged model.

    The summary has the documented keys, and the page is one file.
    """
    real = lstm_hpo_run("--trials", "2", "--study-name", "same", data__end="2018-06-29",
                        search__examples="0")  # fmt: skip
    assert real.status == 0, real.err
    own = SMALL | {
        "data.raw_dir": str(tmp_path / "data/raw"), "search.trials": "2", "search.examples": "0",
    }  # fmt: skip
    settings = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
    words = ["replay", "--from", "2018-06-29", "--to", "2018-08-31", "--every", "30",
             "--config", QUICKSTART, "--study-name", "same", "--summary", "s.json"]  # fmt: skip
    assert call([*words, *settings]) == 0
    out = capfd.readouterr().out
    summary = json.loads(Path("s.json").read_text())
    assert {"date", "snapshot_sha256", "best_params", "promoted", "forecast", "truth"} <= set(
        summary["nights"][0]
    )
    assert [night["date"] for night in summary["nights"]] == ["2018-06-29", "2018-08-13"]
    assert set(summary["scores"]) == {
        "procedure", "judged_twin", "no_gate", "no_search", "never_retrained", "har"
    }  # fmt: skip
    assert all({"mse", "qlike"} <= set(score) for score in summary["scores"].values())

    page = Path(out.rpartition("The whole page: ")[2].strip())
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    (first, *_) = sorted(page.parent.glob("*.npz"))
    night = read_night(page.parent, int(first.stem))
    assert night is not None
    assert [trial.loss for trial in night.trials] == [t["value"] for t in real.summary["trials"]]
    assert night.best_params.to_dict() == real.summary["best"]["params"]
    assert night.epochs == tuple(real.summary["retrain"]["best_epochs"])

    # The block's errors, from what the replay forecast and what the summary says came true.
    assert np.isfinite(night.forecasts["judged"]).sum() > real.summary["test"]["n"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "2018", "--to", "2018-02-01"], "--from must be a date like 2017-01-31"),
        (["--from", "2031-01-01", "--to", "2031-02-01"], "needs two nights or more but"),
        (["--from", "1999-02-01", "--to", "1999-03-01", "--every", "5"], "use an earlier"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """No date, a span without nights, and one before there are bars enough: one line each."""
    monkeypatch.chdir(tmp_path)
    assert call(["replay", *words, "--config", QUICKSTART]) != 0
    err = capfd.readouterr().err
    assert message in err.splitlines()[-1]
