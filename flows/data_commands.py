"""The commands `lstm-hpo data ...`: what would be made of files of bars."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.outcome import FAILED, Debug
from flows.settings import Settings
from flows.store_commands import add_store_commands, settings_of
from lstm_model.errors import ConfigError

if TYPE_CHECKING:  # it imports pandas, and --help needs none of it
    from tasks.data.check import CheckedFile

data_app = typer.Typer(rich_markup_mode=None)


@data_app.callback()
def _data() -> None:
    """Look at bars, and at the store of bars, without a run."""


add_store_commands(data_app)


@data_app.command()
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER ...", help="<TICKER>.csv or .parquet files, or a folder."
        ),
    ],
    config: Annotated[
        str | None, typer.Option("--config", help="YAML file with the dates and rules that apply.")
    ] = None,
    settings: Settings = None,
    adjusted: Annotated[
        Path | None, typer.Option(help="Write ticker,date,close,adjusted_close here as CSV.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    _debug: Debug = False,
) -> None:
    """Say what a run would make of files of bars: accepted, repaired or refused."""
    data = settings_of(config, settings).data
    if adjusted is not None and (adjusted.is_dir() or not adjusted.parent.is_dir()):
        raise ConfigError(
            f"--adjusted must be a file in an existing folder but is {str(adjusted)!r}; "
            f"create the folder, or name another file"
        )

    from tasks.data.check import check_file, files_of, write_adjusted  # noqa: PLC0415 - see above

    results = [check_file(path, data) for path in files_of(paths)]
    if adjusted is not None:
        write_adjusted(adjusted, [closes for _, closes in results])
    checked = [result for result, _ in results]
    if as_json:
        print(json.dumps([asdict(result) for result in checked], indent=2))
    else:
        width = max(len(result.ticker) for result in checked)
        for result in checked:
            print(_row(result, width))
    if any(result.status == "refused" for result in checked):
        raise typer.Exit(FAILED)


def _row(result: "CheckedFile", width: int) -> str:
    """Return a file's row: ticker, status, bars and dates, then its findings or its refusal."""
    start = f"{result.ticker:<{width}}  {result.status:<8}"
    if result.status == "refused":
        return f"{start}  {result.message}"
    found = [
        f"{group.rule}{f' x{group.count}' if group.count > 1 else ''} "
        f"({group.action}, {group.first}: {group.values[0]})"
        for group in result.findings
    ]
    span = f"{result.bars:>6} bars  {result.first} .. {result.last}"
    return "  ".join([start, span, "; ".join(found)]).rstrip()
