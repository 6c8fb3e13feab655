"""The command `lstm-hpo replay`."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from flows.outcome import Debug
from flows.settings import ConfigFile, Settings, parse_settings
from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import check_study_name
from lstm_model.errors import ConfigError


def replay(
    first: Annotated[str, typer.Option("--from", help="First date of a night, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last date of a night, YYYY-MM-DD.")],
    every: Annotated[int, typer.Option(min=1, help="Replay every k-th session.")] = 5,
    config: ConfigFile = "configs/replay.yaml",
    settings: Settings = None,
    study_name: Annotated[
        str | None, typer.Option(help="Name of the study; the file's name by default.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write a summary as JSON.")] = None,
    _debug: Debug = False,
) -> None:
    """Run the nightly procedure as of past dates, and score what it would have forecast."""
    span = _date("--from", first), _date("--to", last)
    parsed = load_config(config, parse_settings(settings or []))
    name = check_study_name(study_name or Path(config).stem)

    from flows.replay import replay_now, write_summary  # noqa: PLC0415 - takes seconds
    from lstm_model.report.replay_text import replay_text  # noqa: PLC0415 - as above

    found, page = replay_now(parsed, name, *span, every)
    if summary is not None:
        write_summary(found, summary)
    print(replay_text(found))
    print(f"\nThe whole page: {page}")


def _date(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} must be a date like 2017-01-31 but is {text!r}") from None


def add_replay_command(app: typer.Typer) -> None:
    """Add the command to `lstm-hpo`."""
    app.command()(replay)
