"""Parameter importances by PED-ANOVA, next to the claims of the seed's Table 4."""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import optuna
from jaxtyping import Float
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from lstm_model.search.hyper_params import Params
from lstm_model.search.space import Space, active_distributions, searched_part
from lstm_model.search.trial import Trial
from lstm_model.seeding import derive_seed

BEST_SHARE = 0.5
"""Share of trials that count as good. Optuna's default of a tenth is a single trial of ten, which
makes any continuous parameter look important; halves rank best (benchmarks/importance_ranks.py)."""

MIN_TRIALS = 7
"""With fewer trials, even a perfect split into halves occurs by chance in 1 case of 20 or more."""

SHUFFLES = 100

FEW_TRIALS, SOME_TRIALS = 30, 200
"""Trials from which the first rank is right in 9 searches of 10, and from which most of the order
is right (rank correlation 0.9 with the truth; benchmarks/importance_ranks.py)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of the seed's Table 4; `low` and `high` bound its typical optimal range."""

    rank: int
    impact: Literal["high", "medium", "low"]
    low: float
    high: float

    @property
    def typical(self) -> str:
        """The typical optimal range as text."""
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} .. {self.high:g}"


CLAIMS = {
    "lr": Claim(1, "high", 5e-4, 2e-3),
    "hidden_size": Claim(2, "high", 128.0, 192.0),
    "dropout": Claim(3, "medium", 0.1, 0.3),
    "num_layers": Claim(4, "medium", 2.0, 2.0),
    "batch_size": Claim(5, "low", 64.0, 64.0),
}


@dataclass(frozen=True, slots=True)
class Importance:
    """Importance of one parameter, as a share of the total, and how often chance gives as much.

    `p_value` is the share of shuffles of the losses in which it looks at least as important.
    `trials` counts the completed trials in which it was active. Share and p-value are None if
    nothing was computed, or if it was active in fewer than two trials.
    """

    parameter: str
    share: float | None
    p_value: float | None
    trials: int
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Importances:
    """All parameters, the most important first; `note` says how reliable the ranks are."""

    trials: int
    rows: tuple[Importance, ...]
    note: str


def rank_importances(
    finished: Iterable[Trial], space: Space, shuffles: int = SHUFFLES
) -> Importances:
    """Rank parameters by how the better half of the completed trials differs from all of them.

    Shares sum to 1. If they cannot be computed they are all None, and `note` gives the reason.
    Only losses count, even if seconds were minimised too. Pruned trials have no loss. A parameter
    with a condition counts where it is active.
    Watanabe et al. (2023), "PED-ANOVA".
    """
    completed = sorted(
        (t for t in finished if t.loss is not None and math.isfinite(t.loss)),
        key=lambda trial: trial.number,
    )
    losses = np.array([trial.loss for trial in completed], dtype=float)
    searched = [searched_part(trial.params, space) for trial in completed]
    acting = {name: sum(name in params for params in searched) for name in space}
    shares: dict[str, float] = {}
    p_values: dict[str, float] = {}
    note = _reason_not_computed(losses)
    if not note:
        shares, p_values = _shares(searched, losses, space, shuffles)
        note = _reliability(len(losses)) if shares else "not computed: no parameter took two values"
    rows = []
    for name, count in acting.items():
        known = bool(shares) and count > 1
        share = shares.get(name, 0.0) if known else None
        p_value = p_values.get(name, 1.0) if known else None
        rows.append(Importance(name, share, p_value, count, CLAIMS.get(name)))
    return Importances(len(losses), tuple(sorted(rows, key=_order)), note)


def _reason_not_computed(losses: Float[np.ndarray, " trial"]) -> str:
    if len(losses) < MIN_TRIALS:
        return f"not computed: n = {len(losses)} < {MIN_TRIALS} completed trials"
    worst = losses.max()
    equal = int((losses == worst).sum())
    if len(losses) - equal < math.ceil(BEST_SHARE * len(losses)):
        return f"not computed: {equal} of {len(losses)} losses equal the worst, {worst:.4g}"
    return ""


def _reliability(trials: int) -> str:
    if trials < FEW_TRIALS:
        return f"{trials} trials: ranks are a hint"
    if trials < SOME_TRIALS:
        return f"{trials} trials: the first rank is reliable, the others are a hint"
    return f"{trials} trials: ranks are reliable"


def _shares(
    searched: Sequence[Params],
    losses: Float[np.ndarray, " trial"],
    space: Space,
    shuffles: int,
) -> tuple[dict[str, float], dict[str, float]]:
    study = optuna.create_study()
    for params, loss in zip(searched, losses.tolist(), strict=True):
        active = active_distributions(params, space)
        study.add_trial(create_trial(value=loss, params=params, distributions=active))
    observed = _divergences(study, losses)
    total = math.fsum(observed.values())
    if not total:
        return {}, {}
    generator = np.random.default_rng(derive_seed(0, "importance", "shuffle"))
    as_much = dict.fromkeys(observed, 1)
    for _ in range(shuffles):
        for name, value in _divergences(study, generator.permutation(losses)).items():
            as_much[name] += value >= observed[name]
    return (
        {name: value / total for name, value in observed.items()},
        {name: count / (shuffles + 1) for name, count in as_much.items()},
    )


def _divergences(study: optuna.Study, losses: Float[np.ndarray, " trial"]) -> dict[str, float]:
    """Return the importance of each parameter for these losses, before normalisation."""
    evaluator = PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE)
    with warnings.catch_warnings():
        # One warns that lower must be better, as it is here; the other that a parameter was active
        # in a single trial, which the caller leaves out.
        warnings.simplefilter("ignore", UserWarning)
        return evaluator.evaluate(study, target=lambda trial: float(losses[trial.number]))


def _order(row: Importance) -> tuple[float, float]:
    """Sort by share, then by the seed's rank."""
    share = -1.0 if row.share is None else row.share
    return -share, float(row.claim.rank) if row.claim else math.inf
