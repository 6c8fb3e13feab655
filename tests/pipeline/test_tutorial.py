"""docs/tomorrow.md, command by command: from the first night to tomorrow's forecast."""

import datetime as dt
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.cli import call
from lstm_model.data.calendar import last_closed_session, next_session, sessions_between
from tests.yahoo_server import Listing, YahooServer

from .conftest import ROOT, Command

pytestmark = pytest.mark.e2e


def todays_index() -> pd.DataFrame:
    """Return 400 made sessions of an index up to the one that closed last."""
    today = last_closed_session("XNYS", dt.datetime.now(dt.UTC))
    days = sessions_between("XNYS", today - dt.timedelta(days=700), today)[-400:]
    draws = np.random.default_rng(5)
    close = 4000 * np.exp(np.cumsum(draws.normal(0, 0.01, len(days))))
    high, low = close * np.exp(np.abs(draws.normal(0, 0.01, (2, len(days))))) ** [[1], [-1]]
    rows = {"date": days, "open": close, "high": high, "low": low, "close": close, "volume": 1e9}
    return pd.DataFrame(rows).round(4)


def test_five_commands_give_tomorrows_forecast(
    lstm_hpo_run: Command,
    tmp_path: Path,
    yahoo: YahooServer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Each of the five commands works as printed; the first one here with a small budget."""
    text = (ROOT / "docs" / "tomorrow.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    first, *rest = [line.split(" #")[0].strip() for line in block.splitlines()]
    assert first == "make run"
    assert "lstm-hpo run --config configs/quickstart.yaml" in (ROOT / "Makefile").read_text()
    assert len(rest) == 4

    night = lstm_hpo_run("--trials", "1")
    assert night.status == 0, night.err
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    yahoo.listings["^GSPC"] = Listing(todays_index())
    printed = []
    for command in rest:
        program, *words = shlex.split(command)
        assert program == "lstm-hpo"
        status = call(words)
        out, err = capfd.readouterr()
        assert status == 0, err
        printed.append(out)
    champion, forecast, ledger, verified = printed
    tomorrow = next_session("XNYS", last_closed_session("XNYS", dt.datetime.now(dt.UTC)))
    assert champion.startswith("lstm-hpo version 1 since ")
    assert f"^GSPC  session {tomorrow}  version 1  volatility" in forecast
    assert "% a year" in forecast
    assert f"{tomorrow}  version 1" in ledger
    assert verified.startswith("1 entries hold; the last is ")
