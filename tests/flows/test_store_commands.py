"""The commands on stored bars: `lstm-hpo data list, show, diff, verify, prune, import`."""

import json
from pathlib import Path

import pytest

from flows.cli import call
from tests.stored import raw_bars

Files = tuple[Path, list[str]]


@pytest.fixture
def store(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Files:
    """Two nights of X, the second with a new bar and a corrected close; and their settings."""
    raw = raw_bars(bars=60)
    settings = ["--set", f"data.raw_dir={tmp_path / 'raw'}"]
    raw.head(59).to_csv(tmp_path / "X.csv", index=False)
    assert call(["data", "import", str(tmp_path / "X.csv"), *settings]) == 0
    raw.loc[20, "close"] += 0.2
    raw.to_csv(tmp_path / "X.csv", index=False)
    assert call(["data", "import", str(tmp_path / "X.csv"), *settings]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert "60 bars of 1 tickers, 2020-01-01 .. 2020-03-24, 1 findings" in second
    return tmp_path, [*settings, first[:16], second[:16]]


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert call(["data", *arguments]) == 0
    return capfd.readouterr().out


def test_list(store: Files, capfd: pytest.CaptureFixture[str]) -> None:
    """Snapshots are listed newest first, as text and as JSON; an empty store says so."""
    _, (*settings, first, second) = store
    lines = printed(capfd, "list", *settings).splitlines()
    assert [line[:16] for line in lines] == [second, first]
    listed = json.loads(printed(capfd, "list", "--json", *settings))
    assert [one["rows"] for one in listed] == [60, 59]
    empty = printed(capfd, "list", "--set", "data.raw_dir=none")
    assert empty.startswith("no snapshot is stored; ")


def test_show(store: Files, capfd: pytest.CaptureFixture[str]) -> None:
    """A ticker's bars and its revisions are shown in the order in which they were learnt."""
    _, (*settings, _, _) = store
    lines = printed(capfd, "show", "X", *settings).splitlines()
    assert lines[0] == "X from csv: 60 bars, 2020-01-01 .. 2020-03-24"
    assert [line.split("  ")[2][:40] for line in lines[1:]] == [
        "59 bars, 2020-01-01 .. 2020-03-23",
        "1 bars, 2020-03-24 .. 2020-03-24",
        "2020-01-29 corrected, close 96.48"[:40],
    ]
    (history,) = json.loads(printed(capfd, "show", "X", "--json", *settings))
    assert len(history["events"]) == 3
    assert call(["data", "show", "Y", *settings]) == 2
    assert "but 'Y' is not; it has X" in capfd.readouterr().err


def test_diff(store: Files, capfd: pytest.CaptureFixture[str]) -> None:
    """The difference names the new bar, the corrected one and the labels that moved with it."""
    _, (*settings, first, second) = store
    line = printed(capfd, "diff", first, second, *settings)
    assert line.startswith("X  1 bars added (2020-03-24); 2020-01-29 close ")
    assert line.endswith("; 2 labels changed (2020-01-28, 2020-01-29)\n")
    assert printed(capfd, "diff", first, first, *settings) == "X  equal\n"
    (row,) = json.loads(printed(capfd, "diff", first, second, "--json", *settings))
    assert row["labels"] == ["2020-01-28", "2020-01-29"]
    assert call(["data", "diff", first, "ffffffff", *settings]) == 1


def test_verify(store: Files, capfd: pytest.CaptureFixture[str]) -> None:
    """A whole store ends with 0; a damaged file is named, set aside, and ends it with 1."""
    folder, (*settings, _, _) = store
    whole = "whole: 1 tickers' revisions, 2 files of bars, 2 snapshots\n"
    assert printed(capfd, "verify", *settings) == whole
    path = next(folder.glob("raw/csv/X/bars-*"))
    path.write_bytes(path.read_bytes()[:-9])
    assert call(["data", "verify", "--json", *settings]) == 1
    (line,) = json.loads(capfd.readouterr().out)["damaged"]
    assert path.name in line
    assert call(["data", "verify", *settings]) == 0


def test_prune(store: Files, capfd: pytest.CaptureFixture[str]) -> None:
    """Old snapshots go, or all of a ticker; a dry run only says what would."""
    folder, (*settings, first, _) = store
    out = printed(capfd, "prune", "--keep", "1", "--dry-run", *settings)
    assert first in out
    assert out.endswith("2 would be dropped\n")
    assert printed(capfd, "prune", "--keep", "1", *settings).endswith("2 dropped\n")
    assert len(list(folder.glob("raw/snapshots/*.json"))) == 1
    assert printed(capfd, "prune", "--ticker", "X", *settings).endswith("1 dropped\n")
    assert not list(folder.glob("raw/csv/*"))
    assert call(["data", "prune", "--keep", "0", *settings]) == 2


def test_a_snapshot_is_named_by_its_config(
    store: Files, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The folder may come from a configuration file instead of --set."""
    path = tmp_path / "c.yaml"
    path.write_text(f"data: {{tickers: [X], raw_dir: {tmp_path / 'raw'}}}\n")
    assert len(printed(capfd, "list", "--config", str(path)).splitlines()) == 2
