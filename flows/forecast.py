"""The morning's flow: newest bars, scores of what came true, and the champion's next forecast."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import State, flow

from lstm_model.champion.decay import Decay, DecayRules
from lstm_model.champion.ledger_entry import Forecast, not_yet_made
from lstm_model.champion.live import live_record, watch_live
from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import AlreadyForecast, BarsError, ChampionError
from lstm_model.explain.integrated_gradients import Attribution
from tasks.champion.forecast import forecast_next, new_scores, require_newest_sessions
from tasks.champion.ledger import ledger_of
from tasks.champion.published import nothing_new, publish, state_of, write_last_forecasts
from tasks.champion.why import explain_next
from tasks.data.download import take_snapshot
from tasks.data.snapshots import Snapshot, read_bars
from tasks.progress import print_note
from tasks.server_watchdog import end_server_with_night
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.forecast_runs import record_last_forecasts
from tasks.tracking.version import open_version

end_server_with_night()  # here, because the engine starts a server before the flow's first line


@dataclass(frozen=True, slots=True)
class Made:
    """The champion's forecasts of one call; made_at is ISO time in UTC.

    scored: forecasts that came true since. decay: whether the champion's live losses are too high.
    is_written: False for `--stale`, of which nothing is kept. path: of the Parquet file. why: the
    parts of each forecast, if they were asked for.
    """

    made_at: str
    forecasts: tuple[Forecast, ...]
    scored: int
    decay: Decay
    is_written: bool
    path: str | None = None
    why: Mapping[str, Attribution] = field(default_factory=dict)


@flow(name="lstm-hpo", validate_parameters=False)
def forecast(
    config: str = "configs/quickstart.yaml", overrides: dict[str, Any] | None = None
) -> "Made | State[Made] | State[None]":
    """Forecast each ticker's next session with the champion and write it into the ledger.

    Where no session has closed since the last call, as on a holiday, it completes without a new
    forecast and says so.
    """
    try:
        made = forecast_now(load_config(config, overrides), stale=False)
    except AlreadyForecast as error:
        return nothing_new(str(error))
    publish(made.made_at, made.forecasts, made.decay)
    healthy: Made | State[Made] = state_of(made, made.decay)
    return healthy


def forecast_now(settings: PipelineConfig, *, stale: bool, why: bool = False) -> Made:
    """Forecast without a server; with `stale` after bars of any age, and nothing is written.

    With `why` each forecast is split into its parts.

    The ledger is written before anything else, and what is derived from it can be made again; a
    call that was cut off in between is completed by the next one. Raises ChampionError if there is
    no champion or a newer session has closed, LedgerError if the ledger refuses.
    """
    registry, ledger = champion_of(settings), ledger_of(settings)
    version = registry.require_champion()
    ledger.require_whole()
    if not stale:
        _derive(settings, registry)
    now = dt.datetime.now(dt.UTC)
    moment = now.replace(tzinfo=None)
    snapshot = take_snapshot(settings.data_to_fetch)
    bars = read_bars(snapshot)
    if not stale:
        require_newest_sessions(bars, settings.data, now)
    scores = [] if stale else new_scores(ledger.entries(), bars, moment)
    if scores:
        ledger.append(scores)
    made = _of_version(settings, registry, version, snapshot, why=why)
    if stale:
        return made
    before = ledger.entries()
    # Where none is new, the ledger says so.
    new = not_yet_made(before, made.forecasts) or made.forecasts
    rivals = not_yet_made(before, _of_challenger(settings, registry, snapshot))
    entries = ledger.append([*new, *rivals])
    return replace(
        made,
        made_at=entries[0].written_at,
        forecasts=new,
        scored=len(scores),
        is_written=True,
        path=_derive(settings, registry),
    )


def _derive(settings: PipelineConfig, registry: Registry) -> str | None:
    """Make what follows from the ledger's last forecasts, unless it is there; return their file."""
    entries = ledger_of(settings).entries()
    path = write_last_forecasts(settings, entries)
    record_last_forecasts(settings, registry, entries)
    return path


def _of_version(
    settings: PipelineConfig,
    registry: Registry,
    number: int,
    snapshot: Snapshot,
    *,
    why: bool = False,
) -> Made:
    """Forecast with a version; nothing is written."""
    live = live_record(ledger_of(settings).entries(), registry.model, number)
    with open_version(registry, number) as version:
        return Made(
            made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="seconds"),
            forecasts=(made := forecast_next(version, live.errors(), snapshot, settings)),
            scored=0,
            decay=watch_live(version.judged_errors, live, DecayRules()),
            is_written=False,
            why=explain_next(version, snapshot, made) if why else {},
        )


def _of_challenger(
    settings: PipelineConfig, registry: Registry, snapshot: Snapshot
) -> tuple[Forecast, ...]:
    """Forecast with a challenger that stands for several nights, to give the gate live dates.

    One that cannot forecast is noted; the champion's forecast does not depend on it.
    """
    challenger = registry.challenger()
    if challenger is None or settings.champion.challenger_nights == 1:
        return ()
    try:
        return _of_version(settings, registry, challenger, snapshot).forecasts
    except (BarsError, ChampionError) as error:
        print_note(f"the challenger has no forecast: {error}")
        return ()
