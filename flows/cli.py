"""The console script: `lstm-hpo run`, `audit`, `report`, `replay-trial`, `doctor`."""

import gc
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from typer.exceptions import TyperException

from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import TrackingConfig, check_study_name
from lstm_model.config.search import SearchConfig
from lstm_model.errors import ConfigError, LstmHpoError, SearchError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


INTERRUPTED = 130
"""What Typer makes of Ctrl-C."""


@app.callback()
def _commands() -> None:
    """Search, retrain, judge and record an LSTM on market bars."""


@app.command()
def run(
    config: Annotated[str, typer.Option(help="YAML file of the run.")] = "configs/quickstart.yaml",
    study_name: Annotated[
        str | None, typer.Option(help="Name of the study; the configuration file's by default.")
    ] = None,
    trials: Annotated[
        str | None, typer.Option(metavar="N", help="Finished trials in total.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="a.b=value, any key of the configuration.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the results here as JSON.")] = None,
    debug: Annotated[bool, typer.Option(help="Show logs and tracebacks.")] = False,
) -> None:
    """Run one night by hand and print what it came to."""
    overrides = parse_settings(settings or [])
    if trials is not None:
        overrides |= parse_settings([f"search.trials={trials}"])
    # Everything that can be refused is refused here, before a server is started for the flow.
    load_config(config, overrides)
    if study_name is not None:
        check_study_name(study_name)
    if summary is not None and (summary.is_dir() or not summary.parent.is_dir()):
        raise ConfigError(f"--summary names a file in a folder that exists but is {str(summary)!r}")
    _settle_prefect(debug=debug)

    from flows.lstm_hpo import lstm_hpo  # noqa: PLC0415 - seconds of imports that --help and a typing error need not wait for
    from lstm_model.report.summary_json import summary_json  # noqa: PLC0415 - as below
    from lstm_model.report.terminal import terminal_text  # noqa: PLC0415 - as below
    from tasks.files import write_atomically  # noqa: PLC0415 - as below

    night = lstm_hpo(config, study_name, overrides)
    print(terminal_text(night))
    if summary is not None:
        text = summary_json(night) + "\n"
        write_atomically(summary, lambda partial: partial.write_text(text, encoding="utf-8"))


@app.command("replay-trial")
def replay(
    study: Annotated[str, typer.Argument(help="Name of the study, with or without its @hash.")],
    number: Annotated[int, typer.Argument(help="Number of a completed trial.")],
    storage: Annotated[str, typer.Option(help="Where the studies are.")] = SearchConfig().storage,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `call`
) -> None:
    """Train a recorded trial again and check that its validation loss is identical."""
    from tasks.search.replay import replay_trial  # noqa: PLC0415 - as above

    replayed = replay_trial(storage, study, number)
    drift = f"changed since: {', '.join(replayed.drift)}" if replayed.drift else "nothing changed"
    print(f"Trial {number} of {replayed.study_key}")
    print(f"  recorded {replayed.recorded!r}\n  again    {replayed.again!r}\n  {drift}")
    if not replayed.is_identical:
        raise SearchError(
            f"a replay must give the recorded loss but differs by "
            f"{replayed.again - replayed.recorded:.3g}; {drift}"
        )
    print("  identical")


@app.command()
def audit(
    config: Annotated[str, typer.Option(help="YAML file of the run.")] = "configs/quickstart.yaml",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="a.b=value, any key of the configuration.")
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `call`
) -> None:
    """Look for leaks in features (your own too), labels, scaler and split; train nothing."""
    parsed = load_config(config, parse_settings(settings or []))

    from flows.audit import audit as audit_configuration  # noqa: PLC0415 - as above
    from tasks.data.audit import require_no_leak  # noqa: PLC0415 - as above

    rows = audit_configuration(parsed)
    for row in rows:
        print(f"{'ok  ' if row.passed else 'LEAK'} {row.check}\n     {row.found}")
    require_no_leak(rows)


@app.command()
def report(
    night: Annotated[
        str, typer.Argument(metavar="RUN", help="Id or name of a night's MLflow run.")
    ],
    uri: Annotated[str, typer.Option(help="Where runs are recorded.")] = TrackingConfig().uri,
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("report.html"),
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `call`
) -> None:
    """Make a recorded night's page again, from MLflow alone."""
    from tasks.report import remake_report  # noqa: PLC0415 - as above

    print(remake_report(uri, night, output))


@app.command()
def doctor() -> None:
    """Say what a scheduled night needs and whether it is there."""
    from tasks.doctor import examine  # noqa: PLC0415 - as above

    problems = 0
    for check in examine():
        print(f"{'ok  ' if check.passed else 'MISS'} {check.name}: {check.found}")
        if not check.passed:
            print(f"     {check.remedy}")
            problems += 1
    if problems:
        raise typer.Exit(1)


def _settle_prefect(*, debug: bool) -> None:
    """Tell Prefect, before it is imported, what a night by hand expects of it."""
    # The first start of its own server migrates a database, and 20 s are short on a busy machine.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    if not debug:
        # What failed is told in one line below; Prefect would print its traceback first.
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Read `a.b=value` pairs; a value is YAML: numbers, lists and null are what they look like."""
    parsed: dict[str, Any] = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--set takes key=value but is {setting!r}; write --set seed=7")
        try:
            parsed[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ConfigError(f"--set {key}: {text!r} is no YAML value; put it in quotes") from None
    return parsed


def main(arguments: list[str] | None = None) -> None:
    """Run a command; a failure is one line on stderr: exit 2 for usage, 1 for a failed run."""
    status = call(lambda: app(arguments, standalone_mode=False), sys.argv[1:])
    # Leaving, Python would look through all that was imported once more: 1.5 s for nothing.
    gc.freeze()
    sys.exit(status)


def call(command: Callable[[], object], arguments: list[str]) -> int:
    """Call a command and return its exit status, with what went wrong in one line on stderr."""
    debug = "--debug" in arguments
    try:
        status = command()
    except TyperException as error:
        return _fail(error.format_message(), 2)
    except LstmHpoError as error:
        return _fail(str(error), 2 if isinstance(error, ConfigError) else 1, debug=debug)
    except Exception as error:
        if type(error).__module__.partition(".")[0] in {"prefect", "httpx"}:
            return _fail(
                f"Prefect's server failed ({type(error).__name__}: {error}); "
                f"check the disk of PREFECT_HOME and PREFECT_API_URL, or see --debug",
                1,
                debug=debug,
            )
        return _fail(f"unexpected {type(error).__name__}: {error}; see --debug", 1, debug=debug)
    if status == INTERRUPTED:
        return _fail("interrupted; run the same command again to go on where it stopped", 130)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int, *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    print(f"lstm-hpo: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
