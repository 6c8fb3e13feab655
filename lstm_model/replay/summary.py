"""A replay as one value, and its summary as JSON for other programs."""

import json
from dataclasses import dataclass

import numpy as np

from lstm_model.data.calendar import date_of
from lstm_model.data.targets import TargetKind
from lstm_model.evaluation.measured import plain
from lstm_model.replay.nights import ReplayNight, ReplaySamples
from lstm_model.replay.scores import ARMS, PROCEDURE, ReplayScores, benchmark_of
from lstm_model.replay.succession import Step


@dataclass(frozen=True, slots=True)
class Replay:
    """A whole replay: its nights, what the gate did in each, and the scores.

    seconds: of the call that ended it; nights that were there already took none of them.
    """

    study_name: str
    target: TargetKind
    unit: str
    horizon: int
    nights: tuple[ReplayNight, ...]
    steps: tuple[Step, ...]
    samples: ReplaySamples
    scores: ReplayScores
    seconds: float

    @property
    def promotions(self) -> tuple[int, ...]:
        """Days of the nights that were promoted, since 1970-01-01."""
        pairs = zip(self.nights, self.steps, strict=True)
        return tuple(night.day for night, step in pairs if step.promoted)

    def arm_text(self, name: str) -> str:
        """Say what a way to forecast is."""
        return ARMS["benchmark" if name == benchmark_of(self.target) else name]


def replay_json(replay: Replay) -> str:
    """Return the summary: every night, and every way's mean losses over the scored days.

    A night's forecast and truth are the procedure's of the session after it; of several tickers
    they are objects by ticker. null stands where there is none yet.
    """
    document = {
        "study_name": replay.study_name,
        "target": replay.target,
        "horizon": replay.horizon,
        "nights": [_night(replay, place) for place in range(len(replay.nights))],
        "scores": {
            name: {"mse": score.mse, "qlike": plain(score.qlike), "against": plain(score.against)}
            for name, score in replay.scores.by_arm.items()
        },
        "days": len(replay.scores.days),
        "promotions": [date_of(day).isoformat() for day in replay.promotions],
        "seconds": round(replay.seconds, 1),
    }
    return json.dumps(_without_nan(document), indent=2)


def _night(replay: Replay, place: int) -> dict[str, object]:
    night, step = replay.nights[place], replay.steps[place]
    best, first = night.trials[night.best].loss, night.trials[0].loss
    forecasts, truths = _of_next_session(replay, night.day)
    return {
        "date": date_of(night.day).isoformat(),
        "snapshot_sha256": night.snapshot_sha256,
        "best_params": night.best_params.to_dict(),
        "promoted": step.promoted,
        "champion": None
        if step.champion is None
        else date_of(replay.nights[step.champion].day).isoformat(),
        "outcome": "no_model" if step.verdict is None else step.verdict.outcome,
        "verdict": night.failure if step.verdict is None else step.verdict.text,
        "forecast": forecasts,
        "truth": truths,
        "first_loss": first,
        "best_loss": best,
        "epochs": night.epochs,
        "seconds": night.seconds,
    }


def _of_next_session(replay: Replay, day: int) -> tuple[object, object]:
    scores, samples = replay.scores, replay.samples
    at = np.flatnonzero(samples.days[scores.samples] == day)
    tickers = [samples.tickers[scores.samples[place]] for place in at]
    forecasts = scores.forecasts[PROCEDURE][at].tolist()
    truths = samples.truth[scores.samples[at]].tolist()
    if len(set(samples.tickers)) == 1:
        return (forecasts[0], truths[0]) if len(at) else (None, None)
    return dict(zip(tickers, forecasts, strict=True)), dict(zip(tickers, truths, strict=True))


def _without_nan(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return value
