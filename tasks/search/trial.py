"""The function that runs in a worker: a trial's specification in, the trial and its curves out.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from lstm_model.data.walk_forward import walk_forward
from lstm_model.data.windows import ScaledView, WindowSet, scale_view
from lstm_model.errors import TrainingDiverged
from lstm_model.evaluation.cscv_blocks import losses_by_block
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import (
    EpochResult,
    TrainingSettings,
    build_network,
    forecast,
    train_epochs,
)
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.pruning import is_clearly_worse
from lstm_model.search.trial import Trial, TrialState
from lstm_model.seeding import derive_seed
from tasks.data.data_set import load_scaled_view, load_search_view


@dataclass(frozen=True, slots=True)
class Objective:
    """How a trial's loss is defined: by one training, or as the mean over `parts` folds or seeds.

    `epoch` says which epoch's validation loss counts; `with_error` adds the loss's standard error.
    """

    kind: Literal["holdout", "walk_forward", "seeds"] = "holdout"
    parts: int = 1
    epoch: Literal["last", "best"] = "last"
    purge_bars: int = 1
    with_error: bool = False


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything a trial depends on.

    number: its position in the search.
    params: of network and training.
    search_path: folder of the search view.
    epochs: epochs to train.
    settings: seed, gradient clip, device and precision.
    objective: how the loss is defined.
    limits: by epoch, the loss above which it is pruned; from earlier generations.
    best_folds: losses by fold of the best trial of earlier generations.
    """

    number: int
    params: HyperParams
    search_path: str
    epochs: int
    settings: TrainingSettings
    objective: Objective = Objective()
    limits: Mapping[int, float] = field(default_factory=dict)
    best_folds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A trial with all epochs of each part (fold or seed; a holdout has one part)."""

    trial: Trial
    parts: tuple[tuple[EpochResult, ...], ...] = ()
    part_losses: tuple[float, ...] = ()


class _Pruned(Exception):  # noqa: N818 - a state, not an error
    """The trial is stopped because it is too poor."""


def run_trial(spec: TrialSpec) -> TrialResult:
    """Train one configuration on every part; a loss that is not finite prunes the trial."""
    started = time.perf_counter()
    parts: list[list[EpochResult]] = []
    losses: list[float] = []
    error = math.nan
    blocks: tuple[float, ...] = ()
    state: TrialState = "COMPLETE"
    reason = ""
    try:
        for dates, view, settings in _parts(spec):
            parts.append([])
            network = _train_part(view, settings, spec, parts[-1])
            losses.append(_value(parts[-1], spec.objective))
            if is_clearly_worse(losses, spec.best_folds):
                state, reason = "PRUNED", f"clearly worse than the best after {len(losses)} folds"
                break
            squares = _squared_errors(network, view.validation)
            if parts[-1][-1].validation_loss == losses[-1]:  # not if another epoch's loss counts
                blocks = losses_by_block(squares, dates)
            if spec.objective.with_error and spec.objective.parts == 1:
                # This takes the squared errors as independent.
                error = float(np.std(squares, ddof=1) / math.sqrt(len(squares)))
    except (TrainingDiverged, _Pruned) as cause:
        state, reason = "PRUNED", str(cause)
    if len(losses) > 1:
        error = float(np.std(losses, ddof=1) / math.sqrt(len(losses)))
    complete = state == "COMPLETE"
    trial = Trial(
        number=spec.number,
        state=state,
        params=spec.params,
        loss=float(np.mean(losses)) if complete else None,
        seconds=time.perf_counter() - started,
        epochs=sum(len(part) for part in parts),
        curve=_curve(parts, losses),
        standard_error=error if math.isfinite(error) else None,
        block_losses=blocks if complete else (),
        reason=reason,
    )
    return TrialResult(trial, tuple(tuple(part) for part in parts), tuple(losses))


def _parts(spec: TrialSpec) -> Iterator[tuple[np.ndarray, ScaledView, TrainingSettings]]:
    """Yield each part's validation dates, its scaled view and its training settings."""
    objective, settings = spec.objective, spec.settings
    view = load_search_view(spec.search_path)
    if objective.kind == "walk_forward":
        for fold in walk_forward(view, objective.parts, objective.purge_bars):
            yield fold.rows.dates[fold.validation], scale_view(fold, spec.params), settings
        return
    scaled = load_scaled_view(
        spec.search_path, spec.params.feature_scaling, spec.params.sequence_length
    )
    for part in range(objective.parts):
        seed = derive_seed(settings.seed, "seeds", part) if part else settings.seed
        yield view.rows.dates[view.validation], scaled, replace(settings, seed=seed)


def _curve(parts: list[list[EpochResult]], losses: list[float]) -> dict[int, float]:
    """Return the losses that a pruner compares: by epoch for a holdout, else by part."""
    if len(losses) > 1 or len(parts) > 1:
        return dict(enumerate(losses, start=1))
    return {epoch.epoch: epoch.validation_loss for part in parts for epoch in part}


def _train_part(
    view: ScaledView, settings: TrainingSettings, spec: TrialSpec, epochs: list[EpochResult]
) -> LSTMRegressor:
    """Train on one view; `epochs` grows with each epoch, so a divergence keeps its curve."""
    network = build_network(
        view.train.rows.shape[1],
        spec.params,
        settings.seed,
        ticker_count=view.ticker_count,
        zero_head=view.zero_head,
    )
    for result in train_epochs(
        network, spec.params, view.train, view.validation, settings, spec.epochs
    ):
        epochs.append(result)
        limit = spec.limits.get(result.epoch, math.inf)
        if result.validation_loss > limit:
            raise _Pruned(
                f"validation loss {result.validation_loss:.4g} after epoch {result.epoch} is above "
                f"the limit {limit:.4g} of earlier trials"
            )
    return network


def _value(epochs: list[EpochResult], objective: Objective) -> float:
    losses = [epoch.validation_loss for epoch in epochs]
    return min(losses) if objective.epoch == "best" else losses[-1]


def _squared_errors(network: LSTMRegressor, validation: WindowSet) -> Float[np.ndarray, " sample"]:
    errors = forecast(network, validation) - validation.labels.double().cpu().numpy()
    squares: np.ndarray = errors**2
    return squares
