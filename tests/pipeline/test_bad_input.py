"""Wrong input ends in one line that says rule, value and remedy, and the documented status."""

from pathlib import Path

import pytest

from flows.cli import parse_settings
from lstm_model.config.loader import load_config
from lstm_model.errors import ConfigError, LstmHpoError

from .conftest import QUICKSTART, Command, settings_of

HEADER = "Date,Open,High,Low,Close,Volume\n"


def write_bars(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "X.csv").write_text(header + "\n".join(rows) + "\n")
    return folder


def good_rows(count: int) -> list[str]:
    """Return valid bars whose close goes up and down."""
    rows = []
    for day in range(count):
        date = f"{2000 + day // 336}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d}"
        close = 100 + day % 7
        rows.append(f"{date},{close},{close + 1},{close - 1},{close},1000")
    return rows


def assert_one_line(err: str, *words: str) -> None:
    # Beside it stand the stages that were begun, and notes.
    lines = [line for line in err.splitlines() if line and not line.startswith(("note: ", "["))]
    assert len(lines) == 1, err
    assert lines[0].startswith("lstm-hpo: ")
    for word in words:
        assert word in lines[0], lines[0]


USAGE = {
    "no such file": (["--config", "none.yaml"], "none.yaml"),
    "empty file": (["--config", "empty.yaml"], "empty"),
    "malformed YAML": (["--config", "broken.yaml"], "not valid YAML"),
    "unknown key": (["--set", "trainig.epochs=3"], "did you mean 'training"),
    "mistyped value": (["--set", "training.epochs=many"], "training.epochs"),
    "unknown source": (["--set", "data.source=yaho"], "did you mean 'yahoo'?"),
    "unknown second source": (["--set", "data.cross_check=bloomberg"], "data.cross_check must be"),
    "no trials": (["--trials", "0"], "search.trials"),
    "trials in words": (["--trials", "ten"], "ten"),
    "unknown option": (["--trails", "3"], "--trails"),
    "ticker with a path": (["--set", "data.tickers=[../X]"], "../X"),
    "study name with a path": (["--study-name", "../x"], "../x"),
    "setting without value": (["--set", "seed"], "key=value"),
    "summary over a folder": (["--summary", "."], "--summary"),
    "step beside high": (
        ["--set", "search.space.num_layers={type: int, low: 1, high: 4, step: 2}"], "write 3 or 5",
    ),
    "snapshot and start": (
        ["--set", "data.snapshot='0123456789abcdef'", "--set", "data.start=2012-01-01"],
        "used whole",
    ),
    "summary into nowhere": (["--summary", "none/summary.json"], "none"),
    "tracking in a folder": (["--set", "tracking.uri=mlruns"], "sqlite:///"),
    "studies in a folder": (["--set", "search.storage=data"], "search.storage"),
}  # fmt: skip


@pytest.mark.parametrize("name", USAGE)
def test_usage_and_configuration_end_with_2(
    name: str, lstm_hpo_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command or configuration that breaks a rule ends with 2 and leaves nothing behind.

    No server is started for it.
    """
    monkeypatch.setattr("flows.cli._prepare_prefect", lambda **_: pytest.fail("went on to a night"))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "broken.yaml").write_text("data: [")
    before = sorted(tmp_path.iterdir())
    arguments, word = USAGE[name]
    ended = lstm_hpo_command(*arguments)
    assert ended.status == 2, ended.err
    assert_one_line(ended.err, word)
    assert sorted(tmp_path.iterdir()) == before


ROWS = good_rows(400)
BARS = {
    "file empty": ("", [], "empty"),
    "column missing": ("Date,Open,High,Low\n", ["2000-01-03,1,2,1"], "'close'"),
    "text in a price": (HEADER, [*ROWS, "2020-01-02,1,2,abc,1,1"], "'abc'"),
    "nulls throughout": (
        HEADER,
        [
            row if place % 3 else f"{row[:10]},null,null,null,null,null"
            for place, row in enumerate(ROWS)
        ],
        "missing_p",
    ),
    "duplicate": (HEADER, [*ROWS, "2020-01-02,1,2,1,1,1", "2020-01-02,1,2,1,2,1"], "2020-01-02"),
    "mixed zones": (
        HEADER,
        ["2000-01-03 00:00:00-05:00,1,2,1,1,1", "2000-01-04,1,2,1,2,1"],
        "mixed_zones",
    ),
    "infinite": (HEADER, [*ROWS, "2020-01-02,1,inf,1,1,1"], "infinite_price"),
    "zero price": (HEADER, [*ROWS, "2020-01-02,0,2,0,1,1"], "non_positive_price"),
    "negative price": (HEADER, [*ROWS, "2020-01-02,1,2,-1,1,1"], "non_positive_price"),
    "constant price": (HEADER, [f"{row.split(',')[0]},5,5,5,5,1" for row in ROWS], "must move"),
    "too short": (HEADER, ROWS, "has 400"),
    "day or month": (HEADER, ["03/04/2024,1,2,1,1,1", "04/04/2024,1,2,1,2,1"], "ambiguous_date"),
}


def csv_of(folder: Path, name: str) -> tuple[dict[str, str], str]:
    """Write a case of bad bars, and return the settings that read it and what must be said."""
    header, rows, word = BARS[name]
    write_bars(folder, rows, header)
    settings = {"source": "csv", "csv_dir": str(folder), "tickers": "[X]", "start": "null"}
    return {f"data__{key}": value for key, value in settings.items()}, word


@pytest.mark.parametrize("name", BARS)
def test_bars_that_break_a_rule_are_refused(name: str, tmp_path: Path) -> None:
    """Bars that no repair covers are refused in one line, at the latest when they are prepared."""
    from tasks.data.download import take_snapshot
    from tasks.data.prepare import prepare_data_set

    changes, word = csv_of(tmp_path / "bars", name)
    config = load_config(QUICKSTART, parse_settings(settings_of(tmp_path, changes)))
    with pytest.raises(LstmHpoError) as refused:
        prepare_data_set.fn(take_snapshot(config.data), config)
    assert not isinstance(refused.value, ConfigError)  # it is not the command that is wrong
    assert "\n" not in str(refused.value)
    assert "X" in str(refused.value)
    assert word in str(refused.value)


@pytest.mark.e2e
def test_bars_that_break_a_rule_end_the_night_with_1(
    lstm_hpo_command: Command, shared: None, tmp_path: Path
) -> None:
    """A refusal ends the run in one line, and records no run and no study."""
    changes, word = csv_of(tmp_path / "bars", "too short")
    ended = lstm_hpo_command(**changes)
    assert ended.status == 1, ended.err
    assert_one_line(ended.err, "X", word)
    assert not Path("mlruns/mlflow.db").exists()
    assert not Path("data/studies.db").exists()


FAILED_RUNS = {
    "ticker unknown at the source": ({"data__tickers": "[NOPE]"}, "NOPE"),
    "split outside the data": (
        {"split__validation_start": "2030-01-01", "split__test_start": "2031-01-01"},
        "2030-01-01",
    ),
    "tracking where nothing can be written": (
        {"tracking__uri": "sqlite:////proc/lstm-hpo/mlflow.db"},
        "tracking.uri",
    ),
    "no tracking server": ({"tracking__uri": "http://127.0.0.1:9"}, "tracking.uri"),
    "no database of that kind": ({"search__storage": "nonsense://x"}, "search.storage"),
    "unknown snapshot": (
        {"data__snapshot": "'0123456789abcdef'", "data__start": "null", "data__end": "null"},
        "data.snapshot",
    ),
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", FAILED_RUNS)
def test_runs_that_cannot_go_on_end_with_1(name: str, lstm_hpo_run: Command) -> None:
    """What only shows while running ends with 1, in one line, without a traceback."""
    changes, word = FAILED_RUNS[name]
    ended = lstm_hpo_run(**changes)
    assert ended.status == 1, ended.err
    assert_one_line(ended.err, word)


@pytest.mark.e2e
def test_a_folder_of_bars_that_is_missing_ends_with_2(lstm_hpo_run: Command) -> None:
    """What the configuration names and is not there is the configuration's fault."""
    ended = lstm_hpo_run(data__source="csv", data__csv_dir="none")
    assert ended.status == 2, ended.err
    assert_one_line(ended.err, "data.csv_dir")


@pytest.mark.e2e
def test_a_file_where_mlruns_should_be_is_told(lstm_hpo_run: Command, tmp_path: Path) -> None:
    """A store that cannot be made is named, and what stood there is untouched."""
    (tmp_path / "mlruns").write_text("mine")
    ended = lstm_hpo_run()
    assert ended.status == 1
    assert_one_line(ended.err, "mlruns", "tracking.uri")
    assert (tmp_path / "mlruns").read_text() == "mine"


@pytest.mark.e2e
def test_debug_shows_the_traceback(lstm_hpo_run: Command) -> None:
    """With --debug the traceback stands above the line."""
    ended = lstm_hpo_run("--debug", data__tickers="[NOPE]")
    assert ended.status == 1
    assert "Traceback" in ended.err
    assert "lstm-hpo: " in ended.err.splitlines()[-1]
