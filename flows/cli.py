"""The console script: `lstm-hpo run`, `audit`, `report`, `replay-trial`, `doctor`, and groups."""

import gc
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flows.champion_commands import add_champion_commands
from flows.data_commands import data_app
from flows.model_commands import add_model_commands
from flows.outcome import FAILED, MISUSED, Debug, Shared, exit_status
from flows.replay_command import add_replay_command
from flows.settings import ConfigFile, Settings, parse_settings
from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import TrackingConfig, check_study_name
from lstm_model.config.search import SearchConfig
from lstm_model.errors import ConfigError, SearchError

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(data_app, name="data")
add_champion_commands(app)
add_replay_command(app)
add_model_commands(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lstm-hpo {importlib.metadata.version('lstm-hpo')}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
    _debug: Debug = False,
) -> None:
    """Search, retrain, judge and record an LSTM on market bars."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(MISUSED)


@app.command()
def run(
    context: typer.Context,
    config: ConfigFile = "configs/quickstart.yaml",
    study_name: Annotated[
        str | None, typer.Option(help="Name of the study; the configuration file's by default.")
    ] = None,
    trials: Annotated[
        str | None, typer.Option(metavar="N", help="Finished trials in total.")
    ] = None,
    settings: Settings = None,
    summary: Annotated[Path | None, typer.Option(help="Write the results here as JSON.")] = None,
    _debug: Debug = False,
) -> None:
    """Run one night by hand and print its results."""
    overrides = parse_settings(settings or [])
    if trials is not None:
        overrides |= parse_settings([f"search.trials={trials}"])
    # Invalid input is refused here, before a server is started for the flow.
    parsed = load_config(config, overrides)
    if study_name is not None:
        check_study_name(study_name)
    if summary is not None and (summary.is_dir() or not summary.parent.is_dir()):
        raise ConfigError(
            f"--summary must be a file in an existing folder but is {str(summary)!r}; "
            f"create the folder, or name another file"
        )
    from tasks.data.sources import require_sources  # noqa: PLC0415 - takes a second, as below

    require_sources(parsed.data)
    _prepare_prefect(debug=context.ensure_object(Shared).debug)

    from flows.lstm_hpo import lstm_hpo  # noqa: PLC0415 - takes seconds, and --help needs none of it
    from flows.server_errors import server_errors_explained  # noqa: PLC0415 - as above
    from lstm_model.report.summary_json import summary_json  # noqa: PLC0415 - as above
    from lstm_model.report.terminal import terminal_text  # noqa: PLC0415 - as above
    from tasks.files import write_atomically  # noqa: PLC0415 - as above
    from tasks.precision import require_hardware  # noqa: PLC0415 - as above

    require_hardware(parsed.training.precision, parsed.device, quietly=True)  # the flow notes

    with server_errors_explained():
        night = lstm_hpo(config, study_name, overrides)
    print(terminal_text(night))
    if summary is not None:
        text = summary_json(night) + "\n"
        write_atomically(summary, lambda partial: partial.write_text(text, encoding="utf-8"))


@app.command()
def refit(
    context: typer.Context,
    config: ConfigFile = "configs/quickstart.yaml",
    study_name: Annotated[
        str | None, typer.Option(help="Name of the study; the configuration file's by default.")
    ] = None,
    settings: Settings = None,
    summary: Annotated[Path | None, typer.Option(help="Write the results here as JSON.")] = None,
    _debug: Debug = False,
) -> None:
    """Run a night without a search: the champion's parameters on tonight's bars."""
    mode = ["search.mode=refit"]
    run(context, config, study_name, None, [*(settings or []), *mode], summary, _debug)


@app.command("replay-trial")
def replay(
    study: Annotated[str, typer.Argument(help="Name of the study, with or without its @hash.")],
    number: Annotated[int, typer.Argument(help="Number of a completed trial.")],
    storage: Annotated[str, typer.Option(help="Where the studies are.")] = SearchConfig().storage,
    _debug: Debug = False,
) -> None:
    """Train a recorded trial again and check that its validation loss is identical.

    The losses are equal if code, libraries, processor, instruction set and threads are as
    recorded; the output names every difference.
    """
    from tasks.search.replay import replay_trial  # noqa: PLC0415 - as above

    replayed = replay_trial(storage, study, number)
    same = ", ".join(f"{name} {value}" for name, value in replayed.environment.items())
    changed = f"changed since: {', '.join(replayed.drift)}"
    drift = changed if replayed.drift else f"nothing changed: {same}"
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
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Look for leaks in features (your own too), labels, scaler and split, without training."""
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
    _debug: Debug = False,
) -> None:
    """Write the page of a recorded night again, from MLflow only."""
    from tasks.report import remake_report  # noqa: PLC0415 - as above

    print(remake_report(uri, night, output))


@app.command()
def doctor(_debug: Debug = False) -> None:
    """Check everything that a scheduled night needs."""
    from flows.server_errors import server_errors_explained  # noqa: PLC0415 - as above
    from tasks.doctor import examine  # noqa: PLC0415 - as above

    problems = 0
    with server_errors_explained():
        for check in examine():
            print(f"{'ok  ' if check.passed else 'MISS'} {check.name}: {check.found}")
            if not check.passed:
                print(f"     {check.remedy}")
                problems += 1
    if problems:
        raise typer.Exit(FAILED)


def _prepare_prefect(*, debug: bool) -> None:
    """Set up Prefect, before it is imported, for a night that is started by hand."""
    # Its own server migrates a database on its first start; 20 s are too few on a busy machine.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    if not debug:
        # A failure is printed as one line; Prefect would print its traceback first.
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0, 1 for a failed run, 2 for a usage error, 130 for Ctrl-C."""
    status = call(sys.argv[1:] if arguments is None else arguments)
    # On exit Python would walk through everything that was imported, which takes 1.5 s for nothing.
    gc.freeze()
    sys.exit(status)


def call(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status, with a failure as one line on stderr."""
    shared = Shared()
    return exit_status(lambda: app(list(arguments), standalone_mode=False, obj=shared), shared)


if __name__ == "__main__":
    main()
