"""Files checked without a run."""

from pathlib import Path

import pandas as pd
import pytest

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.errors import ConfigError
from tasks.data.check import RuleFindings, by_rule, check_file, files_of, write_adjusted

HEADER = "date,open,high,low,close,volume"
DATA = DataConfig(tickers=("X",))


def test_an_accepted_file_has_notes_at_most(tmp_path: Path) -> None:
    """Bars that need no repair are accepted, with their number, dates and ignored columns."""
    path = tmp_path / "M&M.NS.csv"
    path.write_text(
        f"{HEADER},vwap\n2024-03-04,1.5,1.6,1.5,1.5,9,1\n2024-03-05,1.5,1.6,1.5,1.6,9,1\n"
    )
    checked, closes = check_file(path, DATA)
    assert (checked.ticker, checked.status, checked.bars) == ("M&M.NS", "accepted", 2)
    assert (checked.first, checked.last, checked.message) == ("2024-03-04", "2024-03-05", "")
    assert checked.findings == (
        RuleFindings("ignored_column", "noted", 1, "2024-03-04", ("vwap",)),
    )
    assert closes["adjusted_close"].tolist() == [1.5, 1.6]


def test_a_repaired_file_says_what_was_repaired(tmp_path: Path) -> None:
    """Repairs are grouped by rule, and adjusted closes follow the repaired bars forwards."""
    path = tmp_path / "X.csv"
    rows = ["2020-08-31,127,131,126,129,1,0,4", "2020-08-28,500,505,498,500,1,0,1"]
    path.write_text("\n".join([f"{HEADER},dividend_amount,split_coefficient", *rows]))
    checked, closes = check_file(path, DATA)
    assert checked.status == "repaired"
    assert {group.rule for group in checked.findings} >= {"split_not_applied"}
    assert closes["close"].tolist() == [500, 129]
    assert closes["adjusted_close"].tolist() == [500, 516]


def test_a_refused_file_says_why(tmp_path: Path) -> None:
    """A refusal is a result, in one line, and not the end of the check."""
    path = tmp_path / "X.csv.gz"
    path.write_text("<html></html>")
    checked, closes = check_file(path, DATA)
    assert (checked.ticker, checked.status, checked.bars) == ("X", "refused", 0)
    assert checked.first is None
    assert checked.last is None
    assert "a web page" in checked.message
    assert closes.empty


def test_the_configurations_dates_apply(tmp_path: Path) -> None:
    """Bars outside of the configuration's dates are not looked at, as in a run."""
    path = tmp_path / "X.csv"
    path.write_text(f"{HEADER}\n2024-03-04,1,2,1,abc,9\n2024-03-05,1,2,1,1.6,9\n")
    late = DataConfig.model_validate({"tickers": ["X"], "start": "2024-03-05"})
    assert check_file(path, DATA)[0].status == "refused"
    assert check_file(path, late)[0].bars == 1


def test_findings_of_one_rule_are_one() -> None:
    """Many findings are one with a count, the first date and a few values."""
    findings = [
        Finding("T", f"2024-03-{day:02d}", "r", str(day), "repaired") for day in range(9, 3, -1)
    ]
    other = Finding("T", "2024-03-01", "r", "x", "noted")
    assert by_rule([*findings, other]) == (
        RuleFindings("r", "repaired", 6, "2024-03-04", ("9", "8", "7")),
        RuleFindings("r", "noted", 1, "2024-03-01", ("x",)),
    )


def test_folders_give_their_files_by_name(tmp_path: Path) -> None:
    """A folder stands for its CSV files; a file stands for itself, whatever its ending."""
    for name in ("b.csv", "a.CSV", "c.csv.gz", "README", "d.tsv"):
        (tmp_path / name).write_text("")
    names = [path.name for path in files_of([tmp_path, tmp_path / "d.tsv"])]
    assert names == ["a.CSV", "b.csv", "c.csv.gz", "d.tsv"]


def test_a_parquet_file_is_checked_as_a_csv_file_is(tmp_path: Path) -> None:
    """The same bars give the same row and closes, whatever the kind of file; a folder has both."""
    days = pd.bdate_range("2024-07-01", periods=12)
    price = pd.Series(range(100, 112), dtype=float)
    bars = pd.DataFrame({"date": days, "open": price, "high": price, "low": price, "close": price})
    bars = bars.assign(volume=1000, vwap=1.0)
    bars.to_parquet(tmp_path / "M&M.NS.parquet")
    bars.to_csv(tmp_path / "M&M.NS.csv", index=False)
    csv, parquet = files_of([tmp_path])
    ours, theirs = check_file(parquet, DATA), check_file(csv, DATA)
    assert ours[0] == theirs[0]
    assert (ours[0].ticker, ours[0].status, ours[0].bars) == ("M&M.NS", "accepted", 12)
    assert [group.rule for group in ours[0].findings] == ["ignored_column"]
    pd.testing.assert_frame_equal(ours[1], theirs[1])
    parquet.write_bytes(parquet.read_bytes()[:-9])
    torn, closes = check_file(parquet, DATA)
    assert torn.status == "refused"
    assert "must be a whole Parquet file" in torn.message
    assert closes.empty


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    """A path that does not exist, or a folder without files, is a mistake of the command."""
    with pytest.raises(ConfigError, match="has none; name another"):
        files_of([tmp_path])
    with pytest.raises(ConfigError, match="must exist but"):
        files_of([tmp_path / "gone.csv"])


def test_no_adjusted_closes_are_a_file_with_a_header(tmp_path: Path) -> None:
    """If every file is refused, the adjusted closes still are a table."""
    write_adjusted(tmp_path / "out.csv", [pd.DataFrame()])
    assert (tmp_path / "out.csv").read_text() == "ticker,date,close,adjusted_close\n"


def test_many_findings_of_a_rule_keep_their_count(tmp_path: Path) -> None:
    """Sixty bars without a volume are one finding, counted as sixty."""
    path = tmp_path / "X.csv"
    days = pd.bdate_range("2024-01-01", periods=90).strftime("%Y-%m-%d")
    rows = [f"{day},5,5.1,4.9,5.0{n % 10},{'' if n < 60 else 9}" for n, day in enumerate(days)]
    path.write_text("\n".join([HEADER, *rows]))
    checked, _ = check_file(path, DATA)
    (volume,) = [f for f in checked.findings if f.rule == "missing_volume"]
    assert (volume.count, volume.first, len(volume.values)) == (60, "2024-01-01", 1)
