"""The nightly procedure over past dates, scored as the ledger would have been."""

import datetime as dt
from pathlib import Path

from lstm_model.champion.budget import GateRules
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.replay.nights import replay_days
from lstm_model.replay.scores import score
from lstm_model.replay.succession import succeed
from lstm_model.replay.summary import Replay, replay_json
from lstm_model.report.replay_page import replay_page
from tasks.data.download import take_snapshot
from tasks.data.sources import require_sources
from tasks.evaluate import UNITS
from tasks.files import write_atomically
from tasks.precision import require_hardware
from tasks.replay.bars import ReplayBars
from tasks.replay.run import replay_nights


def replay_now(
    config: PipelineConfig, study_name: str, first: dt.date, last: dt.date, every: int
) -> tuple[Replay, Path]:
    """Replay every k-th night of a span, score it, and write its page; return both.

    A replay that was interrupted goes on where it stopped.
    """
    require_sources(config.data)
    require_hardware(config.training.precision, config.device)
    bars = ReplayBars.of(take_snapshot(config.data_to_fetch))
    root = config.data.raw_dir.parent / "replays"
    days = replay_days(bars.days(), first, last, every)
    replayed = replay_nights(config, study_name, days, bars, root)
    kind, horizon = config.target.kind, config.target.horizon
    nights, samples = replayed.nights, replayed.samples
    steps = succeed(nights, samples, kind, horizon, GateRules.of(config.champion))
    replay = Replay(
        study_name=study_name,
        target=kind,
        unit=UNITS[kind],
        horizon=horizon,
        nights=nights,
        steps=steps,
        samples=samples,
        scores=score(nights, steps, samples, kind, horizon),
        seconds=replayed.seconds,
    )
    page = replay_page(replay)
    path = replayed.folder / "replay.html"
    return replay, write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))


def write_summary(replay: Replay, path: Path) -> None:
    """Write the summary as JSON."""
    text = replay_json(replay)
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))
