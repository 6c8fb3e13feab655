"""The commands on stored bars: `lstm-hpo data list, show, diff, verify, prune, import`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.outcome import FAILED, Debug
from flows.settings import Settings, parse_settings
from lstm_model.config.loader import load_config, override_config
from lstm_model.config.pipeline import PipelineConfig

if TYPE_CHECKING:  # the commands below import it themselves
    from tasks.data.differences import TickerDifference

OptionalConfig = Annotated[
    str | None, typer.Option("--config", help="YAML file with the folder and rules that apply.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MOST_DATES = 5
"""Dates that a line of text names; JSON has all."""


def settings_of(config: str | None, settings: list[str] | None) -> PipelineConfig:
    """Return a configuration for a command that needs no tickers of its own."""
    overrides = parse_settings(settings or [])
    if config is not None:
        return load_config(config, overrides)
    return override_config({"data": {"tickers": ["X"]}}, overrides)


def list_snapshots(
    config: OptionalConfig = None,
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """List the stored snapshots, newest first: the bars that nights ran on."""
    from tasks.data.snapshots import stored_snapshots  # noqa: PLC0415 - takes a second

    snapshots = stored_snapshots(settings_of(config, settings).data.raw_dir)
    if as_json:
        print(json.dumps([asdict(snapshot) for snapshot in snapshots], indent=2))
        return
    for one in snapshots:
        tickers = ", ".join(one.tickers[:MOST_DATES])
        more = f" and {len(one.tickers) - MOST_DATES} more" if len(one.tickers) > MOST_DATES else ""
        print(
            f"{one.sha256[:16]}  {one.source:<8}  {one.rows:>8} bars  {one.first} .. {one.last}  "
            f"{one.findings} findings  {tickers}{more}"
        )
    if not snapshots:
        print("no snapshot is stored; lstm-hpo run or lstm-hpo data import stores one")


def show(
    ticker: Annotated[str, typer.Argument(help="A stored ticker.")],
    config: OptionalConfig = None,
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Show what is known of a ticker: bars, and every revision with the time it was learnt."""
    from tasks.data.store.history import history_of  # noqa: PLC0415 - see above

    histories = history_of(settings_of(config, settings).data.raw_dir, ticker)
    if as_json:
        print(json.dumps([asdict(history) for history in histories], indent=2))
        return
    for one in histories:
        print(f"{one.ticker} from {one.source}: {one.bars} bars, {one.first} .. {one.last}")
        for event in one.events:
            print(f"  {event.learnt}  {event.what}")


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="First digits of a snapshot's hash.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same of the later one.")],
    config: OptionalConfig = None,
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Say which bars and labels differ between two snapshots; labels are the configuration's."""
    from tasks.data.differences import compare_snapshots  # noqa: PLC0415 - see above
    from tasks.data.snapshots import snapshot_named  # noqa: PLC0415 - see above

    parsed = settings_of(config, settings)
    then, now = (snapshot_named(parsed.data.raw_dir, prefix) for prefix in (first, second))
    rows = list(compare_snapshots(then, now, parsed.target))
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        print(f"{row.ticker}  {'equal' if row.is_none else _difference(row)}")


def _difference(row: "TickerDifference") -> str:
    parts = []
    if row.rescaled != 1.0:
        parts.append(f"all common prices times {row.rescaled:.6g}")
    for name in ("added", "removed"):
        if dates := getattr(row, name):
            parts.append(f"{len(dates)} bars {name} ({_named(dates)})")
    for bar in row.changed[:MOST_DATES]:
        values = zip(bar.columns, bar.then, bar.now, strict=True)
        told = ", ".join(f"{name} {then:g} -> {now:g}" for name, then, now in values)
        parts.append(f"{bar.date} {told}")
    if len(row.changed) > MOST_DATES:
        parts.append(f"and {len(row.changed) - MOST_DATES} more bars changed")
    if row.labels:
        parts.append(f"{len(row.labels)} labels changed ({_named(row.labels)})")
    return "; ".join(parts)


def _named(dates: tuple[str, ...]) -> str:
    return ", ".join(dates[:MOST_DATES]) + (", ..." if len(dates) > MOST_DATES else "")


def verify(
    config: OptionalConfig = None,
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Check every stored file against its hash; set aside and name what is damaged."""
    from tasks.data.store.folder import Store  # noqa: PLC0415 - see above
    from tasks.data.store.upkeep import verify as verify_store  # noqa: PLC0415 - see above

    found = verify_store(Store(settings_of(config, settings).data.raw_dir))
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    else:
        print(
            f"whole: {found.tickers} tickers' revisions, {found.bars_files} files of bars, "
            f"{found.snapshots} snapshots"
        )
        for line in found.damaged:
            print(f"damaged: {line}")
    if found.damaged:
        raise typer.Exit(FAILED)


def prune(
    keep: Annotated[int, typer.Option(help="Snapshots to keep, the newest.")] = 30,
    ticker: Annotated[
        str | None, typer.Option(help="Drop all that is stored of this ticker instead.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    config: OptionalConfig = None,
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Drop old snapshots and the bars that only they name; revisions stay."""
    from tasks.data.store import upkeep  # noqa: PLC0415 - see above
    from tasks.data.store.folder import Store  # noqa: PLC0415 - see above

    store = Store(settings_of(config, settings).data.raw_dir)
    if ticker is None:
        paths = upkeep.prune(store, keep, dry_run=dry_run)
    else:
        paths = upkeep.forget(store, ticker, dry_run=dry_run)
    for path in paths:
        print(path)
    print(f"{len(paths)} {'would be ' if dry_run else ''}dropped")


def import_files(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|FOLDER ...", help="<TICKER>.csv or .parquet files, or a folder."
        ),
    ],
    learnt: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When these bars were known, if not today."),
    ] = None,
    config: OptionalConfig = None,
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Store files of bars as the source csv, without a run, and print their snapshot."""
    from tasks.data.store.imports import import_bars  # noqa: PLC0415 - see above

    snapshot = import_bars(settings_of(config, settings).data, paths, learnt)
    print(
        f"{snapshot.sha256[:16]}  {snapshot.rows} bars of {len(snapshot.tickers)} tickers, "
        f"{snapshot.first} .. {snapshot.last}, {snapshot.findings} findings"
    )


def add_store_commands(data_app: typer.Typer) -> None:
    """Add the commands to `lstm-hpo data`."""
    for name, command in (
        ("list", list_snapshots), ("show", show), ("diff", diff), ("verify", verify),
        ("prune", prune), ("import", import_files),
    ):  # fmt: skip
        data_app.command(name)(command)
