"""How the forecasts of each version did live, beside its test block."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from lstm_model.champion.decay import Decay, DecayRules
from lstm_model.champion.ledger_entry import Entry, Forecast, Score
from lstm_model.champion.live import LiveRecord, live_record, watch_live
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.bars import Bars
from lstm_model.errors import ChampionError
from lstm_model.evaluation.measured import Measured, NotComputed, show
from lstm_model.model.judged_errors import JudgedErrors
from tasks.champion.forecast import new_scores, truths_of
from tasks.champion.ledger import ledger_of
from tasks.data.download import take_snapshot
from tasks.data.snapshots import read_bars
from tasks.tracking.champion import Registry, champion_of
from tasks.tracking.version import open_version


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A version's live record beside what was known before.

    test_mse: of its test block. mse_now: live error against the bars as they are known now, which a
    vendor may have corrected since.
    """

    version: int
    live: LiveRecord
    mse_now: Measured
    test_mse: Measured
    decay: Decay

    def lines(self) -> tuple[str, ...]:
        """Return the report in words."""
        return (
            f"version {self.version}: {len(self.live.days)} forecasts came true",
            f"  mean squared error {show(self.live.mse)} as known then, {show(self.mse_now)} as "
            f"known now, {show(self.test_mse)} on the test block",
            f"  coverage {show(self.live.coverage, '.1%')}, information coefficient "
            f"{show(self.live.information_coefficient, '.3f')}",
            f"  {self.decay.text}",
        )


def score_now(config: PipelineConfig) -> tuple[int, tuple[LiveReport, ...]]:
    """Fetch newer bars, write down what came true, and report each version that ever forecast."""
    registry, ledger = champion_of(config), ledger_of(config)
    bars = read_bars(take_snapshot(config.data_to_fetch))
    moment = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    scores = new_scores(ledger.entries(), bars, moment)
    if scores:
        ledger.append(scores)
    entries = ledger.entries()
    versions = {
        e.content.model_version
        for e in entries
        if isinstance(e.content, Forecast) and e.content.model_name == registry.model
    }
    reports = tuple(_report(registry, entries, bars, version) for version in sorted(versions))
    return len(scores), reports


def _report(registry: Registry, entries: list[Entry], bars: Bars, version: int) -> LiveReport:
    live = live_record(entries, registry.model, version)
    judged = _judged_errors(registry, version)
    now = live_record(_as_known_now(entries, bars), registry.model, version)
    return LiveReport(
        version=version,
        live=live,
        mse_now=now.mse,
        test_mse=NotComputed("it has no errors of a test block")
        if judged is None
        else float(np.mean(judged.errors**2)),
        decay=watch_live(judged, live, DecayRules()),
    )


def _judged_errors(registry: Registry, version: int) -> JudgedErrors | None:
    try:
        with open_version(registry, version) as opened:
            return opened.judged_errors
    except ChampionError:  # its forecasts stay in the ledger after it is gone
        return None


def _as_known_now(entries: list[Entry], bars: Bars) -> list[Entry]:
    """Return the entries with each score's truth from today's bars, where those have one."""
    made = {e.number: e.content for e in entries if isinstance(e.content, Forecast)}
    scores = [e for e in entries if isinstance(e.content, Score)]
    truths = truths_of(bars, [made[e.content.of] for e in scores if isinstance(e.content, Score)])
    changed = {
        entry.number: replace(entry, content=replace(entry.content, truth=truth[0]))
        for entry, truth in zip(scores, truths, strict=True)
        if truth is not None and isinstance(entry.content, Score)
    }
    return [changed.get(entry.number, entry) for entry in entries]
