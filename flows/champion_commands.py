"""The commands on the champion: `lstm-hpo forecast`, `lstm-hpo champion`, `lstm-hpo ledger`."""

import getpass
import json
from dataclasses import asdict
from typing import Annotated

import typer

from flows.outcome import FAILED, Debug
from flows.settings import ConfigFile, Settings, parse_settings
from lstm_model.champion.ledger_entry import Entry, Forecast, Score
from lstm_model.config.loader import load_config
from lstm_model.errors import ChampionError

champion_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
ledger_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="The reason, for the journal.")]


@champion_app.callback()
def _champion() -> None:
    """See which registered model forecasts, and change it."""


@ledger_app.callback()
def _ledger() -> None:
    """See every forecast ever made, and what came of it."""


def forecast(
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Forecast after old bars too, and write nothing.")
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Say what each feature and bar adds to a forecast.")
    ] = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Forecast each ticker's next session with the champion, and write it into the ledger."""
    parsed = load_config(config, parse_settings(settings or []))

    from flows.forecast import forecast_now  # noqa: PLC0415 - takes seconds, --help needs none of it
    from lstm_model.report.why_lines import why_json, why_lines  # noqa: PLC0415 - see above
    from tasks.champion.published import forecast_row, in_units_of_people  # noqa: PLC0415 - as above

    made = forecast_now(parsed, stale=stale, why=why)
    if as_json:
        rows = [
            forecast_row(one, made.made_at)
            | ({"why": why_json(made.why[one.ticker])} if why else {})
            for one in made.forecasts
        ]
        print(json.dumps(rows, indent=2))
        return
    for one in made.forecasts:
        start = f"{one.ticker}  session {one.session}  version {one.model_version}"
        print(f"{start}  {in_units_of_people(one)} ({one.forecast:.4f}{_interval(one)})")
        if why:
            print(*why_lines(made.why[one.ticker], one.target), sep="\n")
    if made.decay.alarm:
        print(f"the champion decays: {made.decay.text}")
    if not made.is_written:
        print("nothing was written: these forecasts may be of sessions that are long over")


def _interval(one: Forecast) -> str:
    if one.lower is None or one.upper is None or one.coverage is None:
        return ""
    return f", {one.coverage:.0%} from {one.lower:.4f} to {one.upper:.4f}"


@champion_app.command()
def show(
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """Show the champion: version, since when, by whom and why."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.tracking.champion import champion_of  # noqa: PLC0415 - see above

    registry = champion_of(parsed)
    version = registry.champion()
    if version is None:
        raise ChampionError(
            f"model {registry.model!r} has no champion; name one with lstm-hpo champion promote"
        )
    change = registry.since()
    facts = {
        "name": registry.model, "version": version, "since": change and change.at,
        "by": change.by if change else "unknown: the alias was set elsewhere",
        "why": change.why if change else "",
    }  # fmt: skip
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        print(f"{facts['name']} version {version} since {facts['since'] or '?'} UTC")
        print(f"  by {facts['by']}: {facts['why']}")


@champion_app.command()
def history(
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """List every change of the champion, the oldest first."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.tracking.champion import champion_of  # noqa: PLC0415 - see above

    registry = champion_of(parsed)
    registry.champion()  # finishes a change that was cut off
    changes = registry.journal.history(registry.model)
    if as_json:
        print(json.dumps([asdict(change) for change in changes], indent=2))
        return
    for change in changes:
        print(f"{change.at}  {change.kind} version {change.version}  by {change.by}: {change.why}")


@champion_app.command()
def promote(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    why: Why,
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Make a version the champion."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.tracking.champion import champion_of  # noqa: PLC0415 - see above

    change = champion_of(parsed).promote(version, getpass.getuser(), why)
    print(f"version {change.version} of {change.model} is the champion")


@champion_app.command()
def rollback(
    why: Why,
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    _debug: Debug = False,
) -> None:
    """Make the version before the champion the champion again."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.tracking.champion import champion_of  # noqa: PLC0415 - see above

    change = champion_of(parsed).rollback(getpass.getuser(), why)
    print(f"version {change.version} of {change.model} is the champion again")


@ledger_app.command("show")
def show_ledger(
    config: ConfigFile = "configs/quickstart.yaml",
    settings: Settings = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> None:
    """List every forecast and what came of it."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.champion.ledger import ledger_of  # noqa: PLC0415 - see above

    entries = ledger_of(parsed).entries()
    if as_json:
        print(json.dumps([_row(entry) for entry in entries], indent=2))
        return
    if not entries:
        print("no forecast has been made yet; make one with lstm-hpo forecast")
    truths = {e.content.of: e.content.truth for e in entries if isinstance(e.content, Score)}
    for entry in entries:
        if isinstance(entry.content, Forecast):
            one = entry.content
            came = f"{truths[entry.number]:.4f}" if entry.number in truths else "not yet known"
            print(
                f"{entry.number:>5}  {entry.written_at[:16]}  {one.ticker}  {one.session}  "
                f"version {one.model_version}  {one.forecast:.4f}  came {came}"
            )


def _row(entry: Entry) -> dict[str, object]:
    kind = "forecast" if isinstance(entry.content, Forecast) else "score"
    return {
        "number": entry.number, "kind": kind, "written_at": entry.written_at,
        **asdict(entry.content), "previous": entry.previous, "sha256": entry.sha256,
    }  # fmt: skip


@ledger_app.command()
def score(
    config: ConfigFile = "configs/quickstart.yaml", settings: Settings = None, _debug: Debug = False
) -> None:
    """Score what came true, and show the live error of each version."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.champion.live_report import score_now  # noqa: PLC0415 - see above

    count, reports = score_now(parsed)
    print(f"{count} forecasts came true since")
    for report in reports:
        print("\n".join(report.lines()))


@ledger_app.command()
def verify(
    config: ConfigFile = "configs/quickstart.yaml", settings: Settings = None, _debug: Debug = False
) -> None:
    """Check that no entry was changed, removed, moved or dated back."""
    parsed = load_config(config, parse_settings(settings or []))

    from tasks.champion.ledger import ledger_of  # noqa: PLC0415 - see above
    from tasks.tracking.forecast_runs import broken_anchor  # noqa: PLC0415 - see above

    ledger = ledger_of(parsed)
    broken = ledger.verify() or broken_anchor(parsed, ledger.entries())
    if broken is not None:
        print(f"entry {broken.number} does not hold: {broken.reason}")
        raise typer.Exit(FAILED)
    entries = ledger.entries()
    print(
        f"{len(entries)} entries hold" + (f"; the last is {entries[-1].sha256}" if entries else "")
    )


def add_champion_commands(app: typer.Typer) -> None:
    """Add the commands to `lstm-hpo`."""
    app.command()(forecast)
    app.add_typer(champion_app, name="champion")
    app.add_typer(ledger_app, name="ledger")
