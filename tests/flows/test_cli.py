"""Claims about the command line: options, exit statuses, and what a failure prints."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prefect.exceptions import CrashedRun, PrefectHTTPStatusError

import flows.lstm_hpo
import tasks.doctor
from flows.cli import call, parse_settings
from lstm_model.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = str(ROOT / "configs" / "quickstart.yaml")


def test_version_is_the_packages(capfd: pytest.CaptureFixture[str]) -> None:
    """`lstm-hpo --version` prints the name and the version of the installed package."""
    assert call(["--version"]) == 0
    assert capfd.readouterr().out == f"lstm-hpo {importlib.metadata.version('lstm-hpo')}\n"


def test_without_a_command_the_help_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """`lstm-hpo` alone lists the commands, one per line, and ends as a usage error."""
    assert call([]) == 2
    out = capfd.readouterr().out
    for command in ("run", "replay-trial", "audit", "report", "doctor", "data"):
        assert f"\n  {command} " in out


@pytest.mark.parametrize(
    ("words", "traceback"),
    [
        (["audit", "--config", "none.yaml"], False),
        (["audit", "--config", "none.yaml", "--debug"], True),
        (["audit", "--debug", "--config", "none.yaml"], True),
        (["--debug", "audit", "--config", "none.yaml"], True),
        (["audit", "--config", "--debug"], False),
        (["run", "--config", "none.yaml", "--debug"], True),
    ],
)
def test_debug_shows_the_traceback(
    words: list[str], traceback: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--debug` works before and after the command; as an option's value it is just a value."""
    assert call(words) == 2
    err = capfd.readouterr().err
    assert ("Traceback" in err) is traceback
    assert err.splitlines()[-1].startswith("lstm-hpo: the configuration file must exist but ")


def test_debug_of_one_call_is_not_that_of_the_next(capfd: pytest.CaptureFixture[str]) -> None:
    """`--debug` applies only to its own call."""
    for words, traceback in ((["--debug"], True), ([], False)):
        assert call(["audit", "--config", "none.yaml", *words]) == 2
        assert ("Traceback" in capfd.readouterr().err) is traceback


def refuse(error: Exception) -> Callable[..., None]:
    def failing(*arguments: object) -> None:
        raise error

    return failing


REQUEST = httpx.Request("POST", "http://127.0.0.1:4200/api/flow_runs/")
SERVER_ERRORS = [
    httpx.ConnectError("All connection attempts failed"),
    httpx.InvalidURL("no host"),
    CrashedRun("the run crashed"),
    PrefectHTTPStatusError("500", request=REQUEST, response=httpx.Response(500, request=REQUEST)),
]


@pytest.mark.parametrize("error", SERVER_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_failing_server_is_named(
    command: str,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """An error of Prefect or its HTTP client ends with 1 and one line that says what to check."""
    monkeypatch.setattr(flows.lstm_hpo, "lstm_hpo", refuse(error))
    monkeypatch.setattr(tasks.doctor, "examine", refuse(error))
    words = ["--config", QUICKSTART] if command == "run" else []
    assert call([command, *words]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"lstm-hpo: Prefect's server failed ({type(error).__name__}: ")
    assert "PREFECT_API_URL" in line


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("of\nours"), 1, "unexpected ValueError: of ours; see --debug"),
        (ConfigError("a rule is broken"), 2, "a rule is broken"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_kind_of_failure_has_its_status(
    error: Exception,
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """1 is a failed run, 2 a broken rule, 130 an interrupt; each prints one line."""
    monkeypatch.setattr(flows.lstm_hpo, "lstm_hpo", refuse(error))
    assert call(["run", "--config", QUICKSTART]) == status
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line]
    assert line.startswith(f"lstm-hpo: {words}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("seed=7", 7),
        ("seed=null", None),
        ("seed=[a, b]", ["a", "b"]),
        ("seed='7'", "7"),
        ("seed=a=b", "a=b"),
        (" seed =1.5", 1.5),
    ],
)
def test_a_setting_is_yaml(text: str, value: object) -> None:
    """The value of `--set` is read as YAML; everything after the first `=` belongs to it."""
    assert parse_settings([text]) == {"seed": value}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed", "--set must be key=value but is 'seed'; write --set seed=7"),
        ("=7", "--set must be key=value but is '=7'"),
        ("seed=[1", "--set seed: must be a valid YAML value but is '[1'; put it in quotes"),
    ],
)
def test_a_broken_setting_is_refused(text: str, words: str) -> None:
    """A setting that is not key=value, or not YAML, is refused with rule, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        parse_settings([text])
    assert str(caught.value).startswith(words)
