"""The commands on registered models: `lstm-hpo predict` and `lstm-hpo gc`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.outcome import Debug
from flows.settings import ConfigFile, Settings, parse_settings
from lstm_model.config.loader import load_config


def predict(
    bars: Annotated[
        Path, typer.Argument(metavar="BARS", help="Parquet or CSV: ticker, date, prices.")
    ],
    output: Annotated[Path, typer.Option(help="The Parquet file to write.")],
    version: Annotated[
        int | None, typer.Option(help="A registered version; the champion by default.")
    ] = None,
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Forecast every bar of a file, of any number of tickers, with a registered model."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.champion.batch_forecast import forecast_file  # noqa: PLC0415 - takes seconds, --help needs none of it

    batch = forecast_file(parsed, bars, output, version)
    print(
        f"{batch.path}: {batch.forecasts} forecasts of {batch.tickers} tickers by version "
        f"{batch.version} of {batch.model}"
    )


def gc(
    keep: Annotated[int, typer.Option(min=1, help="Newest nights of each study that stay.")] = 30,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be deleted.")
    ] = False,
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Delete what old nights have left: models, runs, data sets, studies."""
    parsed = load_config(config, parse_settings(settings or []))

    from flows.retention import delete_old  # noqa: PLC0415 - as above
    from tasks.removal import bytes_text  # noqa: PLC0415 - as above

    count, total, done = 0, 0, "would delete" if dry_run else "deleted"
    for removal in delete_old(parsed, keep, dry_run=dry_run):
        count, total = count + 1, total + (removal.size or 0)
        print(f"{done}  {bytes_text(removal.size):>9}  {removal.what}", flush=True)
    print(f"{done} {bytes_text(total)} in {count} places; the newest {keep} nights stay")


def add_model_commands(app: typer.Typer) -> None:
    """Add the commands to `lstm-hpo`."""
    app.command()(predict)
    app.command()(gc)
