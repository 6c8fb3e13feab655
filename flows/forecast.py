"""The morning's flow: newest bars, scores of what came true, and the champion's next forecast."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from prefect import flow

from lstm_model.champion.ledger_entry import Entry, Forecast, Score
from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig
from tasks.champion.forecast import forecast_next, new_scores, require_newest_sessions
from tasks.champion.ledger import Ledger
from tasks.data.download import take_snapshot
from tasks.data.snapshots import read_bars
from tasks.tracking.champion import champion_of


@dataclass(frozen=True, slots=True)
class Made:
    """The forecasts of one call; made_at is ISO time in UTC, scored what came true since."""

    made_at: str
    forecasts: tuple[Forecast, ...]
    scored: int
    is_written: bool


@flow(name="forecast", validate_parameters=False)
def forecast(
    config: str = "configs/quickstart.yaml", overrides: dict[str, Any] | None = None
) -> Made:
    """Forecast each ticker's next session with the champion and write it into the ledger."""
    return forecast_now(load_config(config, overrides), stale=False)


def forecast_now(settings: PipelineConfig, *, stale: bool) -> Made:
    """Forecast without a server; with `stale` after bars of any age, and nothing is written.

    Raises ChampionError if there is no champion or a newer session has closed, LedgerError if the
    ledger refuses.
    """
    registry, ledger = champion_of(settings), ledger_of(settings)
    version = registry.require_champion()
    ledger.require_whole()
    now = dt.datetime.now(dt.UTC)
    snapshot = take_snapshot(settings.data)
    bars = read_bars(snapshot)
    if not stale:
        require_newest_sessions(bars, settings.data, now)
    with registry.bundle(version) as (bundle, sha256):
        made = forecast_next(bundle, sha256, (registry.model, version), snapshot, settings.data)
    moment = now.replace(tzinfo=None)
    if stale:
        return Made(moment.isoformat(timespec="seconds"), made, 0, is_written=False)
    scores = new_scores(ledger.entries(), bars, moment)
    entries = ledger.append([*scores, *made])
    return Made(entries[-1].written_at, made, len(scores), is_written=True)


def score_now(settings: PipelineConfig) -> tuple[Entry, ...]:
    """Fetch newer bars and write down what came of the forecasts that have no score yet."""
    ledger = ledger_of(settings)
    bars = read_bars(take_snapshot(settings.data))
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    scores: list[Score] = new_scores(ledger.entries(), bars, moment)
    return tuple(ledger.append(scores)) if scores else ()


def ledger_of(settings: PipelineConfig) -> Ledger:
    """Return the ledger of a configuration, beside its store of bars."""
    return Ledger(settings.data.raw_dir.parent / "ledger.jsonl")
