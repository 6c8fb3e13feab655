"""Scores of a replay: the procedure beside what else one could have done each morning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lstm_model.data.targets import TargetKind
from lstm_model.evaluation.accuracy_tests import diebold_mariano
from lstm_model.evaluation.losses import MSE, QLIKE, losses_by_date
from lstm_model.evaluation.measured import Measured, NotComputed, Tested
from lstm_model.replay.nights import BENCHMARK, FIXED, JUDGED, SERVED, ReplayNight, ReplaySamples
from lstm_model.replay.succession import Step

PROCEDURE = "procedure"
ARMS = {
    PROCEDURE: "the champion of the gate, searched and fitted again on all bars",
    "judged_twin": "the champion's judged networks, without the refit",
    "no_gate": "each night's own model, whatever the gate says",
    "no_search": "a model a night by the first night's parameters, without gate",
    "never_retrained": "the first night's model for ever",
    "benchmark": "HAR, or the mean of the labels, fitted each night",
}
"""What one could have done each morning; the benchmark has the name that `benchmark_of` gives."""


@dataclass(frozen=True, slots=True)
class ArmScore:
    """How one way to forecast did over all scored days.

    mse, qlike: mean losses by day. against: two-sided test of its squared error against the
    procedure's.
    """

    mse: float
    qlike: Measured
    against: Tested


@dataclass(frozen=True, slots=True)
class ReplayScores:
    """All ways to forecast on the days that all of them have.

    days: since 1970-01-01. squared_errors: by way, a value a day. forecasts: by way, of each scored
    sample; samples has their places among all.
    """

    days: Int[np.ndarray, " day"]
    by_arm: Mapping[str, ArmScore]
    squared_errors: Mapping[str, Float[np.ndarray, " day"]]
    forecasts: Mapping[str, Float[np.ndarray, " sample"]]
    samples: Int[np.ndarray, " sample"]


def benchmark_of(kind: TargetKind) -> str:
    """Return the name of what the replay compares with."""
    return "har" if kind == "log_volatility" else "train_mean"


def score(
    nights: Sequence[ReplayNight],
    steps: Sequence[Step],
    samples: ReplaySamples,
    kind: TargetKind,
    horizon: int,
) -> ReplayScores:
    """Score every way on the mornings after each night, up to the next night.

    A sample counts if the truth is known and every way has a forecast; so none does while there is
    no champion.
    """
    charge = np.searchsorted([night.day for night in nights], samples.days, side="right") - 1
    ways = {
        PROCEDURE: _of_champions(nights, steps, samples, charge, SERVED),
        "judged_twin": _of_champions(nights, steps, samples, charge, JUDGED),
        "no_gate": _of_nights(nights, samples, charge, SERVED),
        "no_search": _of_nights(nights, samples, charge, FIXED),
        "never_retrained": _of_nights(nights, samples, np.minimum(charge, 0), SERVED),
        benchmark_of(kind): _of_nights(nights, samples, charge, BENCHMARK),
    }
    kept = np.isfinite(samples.truth) & (charge >= 0)
    for values, _ in ways.values():
        kept &= np.isfinite(values)
    days, truth = samples.days[kept], samples.truth[kept]
    squared = {
        name: losses_by_date(MSE, truth - values[kept], days) for name, (values, _) in ways.items()
    }
    return ReplayScores(
        days=np.unique(days),
        by_arm={
            name: ArmScore(
                mse=float(squared[name].mean()) if kept.any() else float("nan"),
                qlike=_qlike(kind, truth - (values + smearing)[kept], days),
                against=NotComputed("it is the procedure")
                if name == PROCEDURE
                else diebold_mariano(squared[PROCEDURE], squared[name], horizon),
            )
            for name, (values, smearing) in ways.items()
        },
        squared_errors=squared,
        forecasts={name: values[kept] for name, (values, _) in ways.items()},
        samples=np.flatnonzero(kept),
    )


Way = tuple[Float[np.ndarray, " sample"], Float[np.ndarray, " sample"]]
"""A forecast of each sample, and the smearing constant that belongs to it."""


def _of_nights(
    nights: Sequence[ReplayNight],
    samples: ReplaySamples,
    charge: Int[np.ndarray, " sample"],
    column: str,
) -> Way:
    """Take each sample's forecast from the night in charge, by its place; -1 is none."""
    values = np.full(len(samples.days), np.nan)
    smearing = np.zeros(len(samples.days))
    for place in range(len(nights)):
        of_night: Bool[np.ndarray, " sample"] = charge == place
        # A night without a model leaves the last one that has one in charge.
        able = next((n for n in reversed(nights[: place + 1]) if not n.failure), None)
        if able is not None and of_night.any():
            values[of_night] = able.forecasts[column][of_night]
            smearing[of_night] = able.smearing.get(column, 0.0)
    return values, smearing


def _of_champions(
    nights: Sequence[ReplayNight],
    steps: Sequence[Step],
    samples: ReplaySamples,
    charge: Int[np.ndarray, " sample"],
    column: str,
) -> Way:
    champions = np.array([-1 if step.champion is None else step.champion for step in steps])
    of_sample = np.where(charge >= 0, champions[np.maximum(charge, 0)], -1)
    return _of_nights(nights, samples, of_sample, column)


def _qlike(
    kind: TargetKind, errors: Float[np.ndarray, " sample"], days: Int[np.ndarray, " sample"]
) -> Measured:
    if kind != "log_volatility":
        return NotComputed("returns have no variance forecast")
    if not len(errors):
        return NotComputed("no day is scored")
    return float(losses_by_date(QLIKE, errors, days).mean())
