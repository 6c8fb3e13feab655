"""The gate at the end of a night: tonight's model or a standing challenger against the champion."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.champion.budget import GateRules
from lstm_model.champion.gate import judge, judge_first
from lstm_model.champion.live import live_record
from lstm_model.champion.outcomes import NONE, Outcomes, pair
from lstm_model.champion.ruling import Case, Ruling, not_compared, ruling_of
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import day_of
from lstm_model.errors import BarsError, ChampionError
from lstm_model.report.night_result import RegisteredModel
from tasks.champion.forecast import recent_bars
from tasks.champion.ledger import ledger_of
from tasks.champion.verdicts import Verdicts, verdicts_of
from tasks.data.snapshots import Snapshot
from tasks.evaluate import Judged
from tasks.progress import print_note
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.version import open_version
from tasks.training.deploy import Deployed

GATE = "gate"
"""Who promotes, in the journal."""


@dataclass(frozen=True, slots=True)
class Tonight:
    """What a night brings to the gate."""

    snapshot: Snapshot
    judged: Judged
    deployed: Deployed
    registered: RegisteredModel


@task(name="gate", cache_policy=NO_CACHE)
def pass_gate(config: PipelineConfig, tonight: Tonight) -> Ruling:
    """Name the challenger, judge it, write the verdict down, and promote it if that is the verdict.

    Each step may be done twice, and the champion's alias moves last; a night that was cut off in
    between leaves the old champion, and the next one finishes the promotion. A champion that cannot
    be compared stays. Raises StorageError if the registry or a journal fails.
    """
    registry, verdicts = champion_of(config), verdicts_of(config)
    with verdicts.lock():
        finish_promotion(registry, verdicts)
        champion = registry.champion()
        case = Case(
            model=registry.model,
            night=day_of(dt.date.fromisoformat(tonight.snapshot.last)),
            at=dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds"),
            challenger=_challenger(config, registry, verdicts, tonight.registered.version),
            champion=champion,
        )
        ruling = _rule(config, tonight, registry, verdicts, case)
        verdicts.append(ruling)
        registry.note_verdict(ruling.challenger, ruling.outcome, ruling.text)
        finish_promotion(registry, verdicts)
    print_note(f"gate: {ruling.text}")
    return ruling


def finish_promotion(registry: Registry, verdicts: Verdicts) -> None:
    """Carry out the last promotion if it was written down and not carried out."""
    rulings = verdicts.of(registry.model)
    if not rulings or not rulings[-1].promoted:
        return
    last = rulings[-1]
    since = [change for change in registry.journal.history(registry.model) if change.at >= last.at]
    if since or registry.champion() == last.challenger:
        return
    try:
        registry.promote(last.challenger, GATE, last.text)
    except ChampionError as error:  # somebody has deleted it since
        print_note(f"gate: the promotion of version {last.challenger} cannot be finished: {error}")


def _challenger(
    config: PipelineConfig, registry: Registry, verdicts: Verdicts, tonights: int
) -> int:
    """Return the challenger: the one that stands, or tonight's, without regard to its losses."""
    standing = registry.challenger()
    nights = [ruling for ruling in verdicts.of(registry.model) if ruling.challenger == standing]
    decided = any(ruling.outcome in ("better", "worse") for ruling in nights)
    if (
        standing is not None
        and standing != registry.champion()
        and not decided
        and len(nights) < config.champion.challenger_nights
    ):
        return standing
    registry.name_challenger(tonights)
    return tonights


def _rule(
    config: PipelineConfig,
    tonight: Tonight,
    registry: Registry,
    verdicts: Verdicts,
    case: Case,
) -> Ruling:
    rules, state = GateRules.of(config.champion), verdicts.state(case.model)
    block = pd.read_parquet(tonight.judged.forecasts_path)
    benchmark = _outcomes(block, block[tonight.judged.evaluation.benchmark])
    own = _outcomes(block, block["forecast"], tonight.deployed.bundle.smearing)
    promotes, horizon = config.champion.automatic, config.target.horizon
    try:
        challenger = (
            own
            if case.challenger == tonight.registered.version
            else _judged_outcomes(config, tonight, registry, case.challenger, block)
        )
        if case.champion is None:
            rivals = pair(config.target.kind, benchmark, challenger, benchmark)
            first = judge_first(
                rivals.paired.challenger,
                rivals.paired.benchmark,
                horizon=horizon,
                state=state,
                rules=rules,
            )
            return ruling_of(case, first, 0, promotes=promotes)
        champion = _judged_outcomes(config, tonight, registry, case.champion, block)
    except (ChampionError, BarsError) as error:
        return not_compared(case, str(error), state)
    live = [_live(config, registry, version) for version in (case.champion, case.challenger)]
    rivals = pair(config.target.kind, champion, challenger, benchmark, *live)
    verdict = judge(
        rivals.paired,
        night=case.night,
        horizon=horizon,
        state=state,
        rules=rules,
        other_losses=rivals.other,
    )
    return ruling_of(case, verdict, rivals.live, promotes=promotes)


def _outcomes(
    block: pd.DataFrame, forecast: "pd.Series[float]", smearing: float | None = None
) -> Outcomes:
    days = block["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    errors = (block["truth"] - forecast).to_numpy(dtype=float)
    return Outcomes(tuple(block["ticker"].astype(str)), days, errors, smearing)


def _judged_outcomes(
    config: PipelineConfig,
    tonight: Tonight,
    registry: Registry,
    number: int,
    block: pd.DataFrame,
) -> Outcomes:
    """Forecast tonight's block with a version's judged twin, by its own code.

    Only dates of the version's own test block and later count: it was trained or stopped on others.
    """
    with open_version(registry, number, "judged") as version:
        if (version.target_kind, version.horizon) != (config.target.kind, config.target.horizon):
            raise ChampionError(
                f"version {number} forecasts {version.target_kind} over {version.horizon} bars, "
                f"tonight's model {config.target.kind} over {config.target.horizon}; set "
                f"tracking.model_name for another target"
            )
        if version.judged_errors is None or not len(version.judged_errors.days):
            raise ChampionError(
                f"version {number} must say on which dates it was judged but is older than that; "
                f"promote a newer version"
            )
        raw = recent_bars(tonight.snapshot, block["date"].min(), version.window_length)
        found = version.forecast_bars(raw)
        first, smearing = int(version.judged_errors.days[0]), version.smearing
    merged = block[["ticker", "date", "truth"]].merge(
        found[["ticker", "date", "forecast"]], on=["ticker", "date"]
    )
    days = merged["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    merged = merged[days >= first]
    return _outcomes(merged, merged["forecast"], smearing)


def _live(config: PipelineConfig, registry: Registry, number: int) -> Outcomes:
    entries = ledger_of(config).entries()
    record = live_record(entries, registry.model, number)
    return record.outcomes() if len(record.days) else NONE
