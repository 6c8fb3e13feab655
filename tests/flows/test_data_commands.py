"""The commands `lstm-hpo data ...`."""

import json
from pathlib import Path

import pytest

from flows.cli import call

HEADER = "date,open,high,low,close,volume"
ROWS = ("04,1.5,1.6,1.5,1.5,9", "05,1.5,1.6,1.5,1.6,9", "06,1.6,1.7,1.6,1.7,9")
GOOD = "\n".join([HEADER, *(f"2024-03-{row}" for row in ROWS), ""])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "GOOD.csv").write_text(GOOD)
    (tmp_path / "X.csv").write_text(GOOD.replace("volume", "vol,vwap").replace(",9", ",9,1"))
    return tmp_path


def test_check_prints_a_row_for_each_ticker(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A row has ticker, status, bars, dates and findings; nothing refused ends with 0."""
    assert call(["data", "check", str(folder)]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert first.split() == ["GOOD", "accepted", "3", "bars", "2024-03-04", "..", "2024-03-06"]
    assert second.endswith("ignored_column (noted, 2024-03-04: vwap)")


def test_check_ends_with_1_if_a_file_is_refused(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A refused file has its reason in its row; the others are checked all the same."""
    (folder / "BAD.csv").write_text("{}")
    assert call(["data", "check", str(folder)]) == 1
    bad, *others = capfd.readouterr().out.splitlines()
    assert bad.startswith("BAD   refused   BAD: ")
    assert "is JSON" in bad
    assert len(others) == 2


def test_check_prints_json(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`--json` has one object a ticker, with the findings of a rule as one entry."""
    (folder / "BAD.csv").write_text("{}")
    assert call(["data", "check", "--json", str(folder / "X.csv"), str(folder / "BAD.csv")]) == 1
    good, bad = json.loads(capfd.readouterr().out)
    assert good == {
        "ticker": "X", "status": "accepted", "bars": 3,
        "first": "2024-03-04", "last": "2024-03-06", "message": "",
        "findings": [{
            "rule": "ignored_column", "action": "noted", "count": 1,
            "first": "2024-03-04", "values": ["vwap"],
        }],
    }  # fmt: skip
    assert (bad["status"], bad["bars"], bad["first"]) == ("refused", 0, None)


def test_check_writes_adjusted_closes(folder: Path) -> None:
    """`--adjusted` writes the closes of all files that are not refused."""
    (folder / "BAD.csv").write_text("{}")
    out = folder / "out" / "adjusted.csv"
    out.parent.mkdir()
    assert call(["data", "check", str(folder), "--adjusted", str(out)]) == 1
    header, first, *rest = out.read_text().splitlines()
    assert header == "ticker,date,close,adjusted_close"
    assert first == "GOOD,2024-03-04,1.5,1.5"
    assert len(rest) == 5


def test_check_follows_the_configuration(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Dates and rules come from `--config` and `--set`."""
    config = folder / "c.yaml"
    config.write_text("data: {tickers: [X], end: 2024-03-05}")
    words = ["data", "check", str(folder / "GOOD.csv")]
    for more, bars in (
        ([], "3"),
        (["--set", "data.start=2024-03-06"], "1"),
        (["--config", str(config)], "2"),
        (["--config", str(config), "--set", "data.end=null"], "3"),
    ):
        assert call([*words, *more]) == 0
        assert capfd.readouterr().out.split()[2] == bars


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "FILE|FOLDER"),
        (["check", "{folder}/gone.csv"], "gone.csv does not; name another"),
        (["check", "{folder}", "--set", "data.strat=1"], "did you mean 'data.start'"),
        (["check", "{folder}", "--config", "gone.yaml"], "gone.yaml"),
        (["check", "{folder}", "--adjusted", "{folder}"], "--adjusted must be a file"),
        (["check", "{folder}", "--adjusted", "{folder}/no/out.csv"], "create the folder"),
    ],
)
def test_a_wrong_command_ends_with_2(
    words: list[str], said: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with the command or its configuration ends with 2, in one line."""
    assert call(["data", *(word.format(folder=folder) for word in words)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("lstm-hpo: ")
    assert said in line
