"""The function that runs in a worker: parameters and a data reference in, curves and outcome out.

It knows no storage, no tracker and no Prefect, and importing this module imports none of them.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from lstm_model.data.views import SearchView
from lstm_model.data.walk_forward import walk_forward
from lstm_model.data.windows import WindowSet, scale_blocks
from lstm_model.errors import TrainingDiverged
from lstm_model.evaluation.cscv_blocks import losses_by_stretch
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import (
    EpochResult,
    TrainingSettings,
    build_network,
    forecast,
    train_epochs,
)
from lstm_model.search.hyper_params import HyperParams, Params
from lstm_model.search.pruning import is_clearly_worse
from lstm_model.seeding import derive_seed
from tasks.data.data_set import load_search_view


@dataclass(frozen=True, slots=True)
class Objective:
    """What a trial's loss is: one training, or the mean over `parts` folds or seeds.

    `epoch` says which epoch's validation loss counts; `with_error` asks for the standard error of
    the loss too.
    """

    kind: Literal["holdout", "walk_forward", "seeds"] = "holdout"
    parts: int = 1
    epoch: Literal["last", "best"] = "last"
    purge_bars: int = 1
    with_error: bool = False


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """All that a trial depends on.

    `limits` are the losses by epoch above which it is pruned, `best_folds` those of the trial to
    beat; both come from earlier generations.
    """

    number: int
    params: Params
    search_path: str
    epochs: int
    settings: TrainingSettings
    objective: Objective = Objective()
    limits: Mapping[int, float] = field(default_factory=dict)
    best_folds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of a trial; `parts` has one curve a fold or seed, and just one on a holdout.

    `validation_loss` is the objective's value, None unless complete. `stretch_losses` are those of
    the last network on stretches of its validation block.
    """

    number: int
    state: Literal["COMPLETE", "PRUNED", "FAIL"]
    params: Params
    parts: tuple[tuple[EpochResult, ...], ...]
    validation_loss: float | None
    reason: str
    seconds: float
    standard_error: float = math.nan
    part_losses: tuple[float, ...] = ()
    stretch_losses: tuple[float, ...] = ()

    @property
    def curve(self) -> dict[int, float]:
        """The losses a pruner compares: by epoch on a holdout, by part where there are several."""
        if len(self.part_losses) > 1 or len(self.parts) > 1:
            return dict(enumerate(self.part_losses, start=1))
        return {e.epoch: e.validation_loss for part in self.parts for e in part}


class _Pruned(Exception):  # noqa: N818 - a state, not an error
    """The trial is not worth going on with."""


def run_trial(order: TrialOrder) -> TrialOutcome:
    """Train one configuration on every part; a loss that is not finite prunes the trial."""
    started = time.perf_counter()
    view = load_search_view(order.search_path)
    parts: list[list[EpochResult]] = []
    losses: list[float] = []
    error = math.nan
    stretches: tuple[float, ...] = ()
    state: Literal["COMPLETE", "PRUNED"] = "COMPLETE"
    reason = ""
    try:
        for part_view, settings in _parts(view, order):
            parts.append([])
            network, validation = _train_part(part_view, settings, order, parts[-1])
            losses.append(_value(parts[-1], order.objective))
            if is_clearly_worse(losses, order.best_folds):
                state, reason = "PRUNED", f"clearly worse than the best after {len(losses)} folds"
                break
            squares = _squared_errors(network, validation)
            if parts[-1][-1].validation_loss == losses[-1]:  # not where another epoch's counts
                stretches = losses_by_stretch(squares, part_view.rows.dates[part_view.validation])
            if order.objective.with_error and order.objective.parts == 1:
                # Taking the squared errors as independent.
                error = float(np.std(squares, ddof=1) / math.sqrt(len(squares)))
    except (TrainingDiverged, _Pruned) as cause:
        state, reason = "PRUNED", str(cause)
    if len(losses) > 1:
        error = float(np.std(losses, ddof=1) / math.sqrt(len(losses)))
    return TrialOutcome(
        number=order.number,
        state=state,
        params=order.params,
        parts=tuple(tuple(part) for part in parts),
        validation_loss=float(np.mean(losses)) if state == "COMPLETE" else None,
        reason=reason,
        seconds=time.perf_counter() - started,
        standard_error=error,
        part_losses=tuple(losses),
        stretch_losses=stretches if state == "COMPLETE" else (),
    )


def _parts(view: SearchView, order: TrialOrder) -> list[tuple[SearchView, TrainingSettings]]:
    objective, settings = order.objective, order.settings
    if objective.kind == "walk_forward":
        folds = walk_forward(view, objective.parts, objective.purge_bars)
        return [(fold, settings) for fold in folds]
    seeds = [settings.seed]
    if objective.kind == "seeds":
        more = range(1, objective.parts)
        seeds += [derive_seed(settings.seed, "seeds", part) for part in more]
    return [(view, replace(settings, seed=seed)) for seed in seeds]


def _train_part(
    view: SearchView, settings: TrainingSettings, order: TrialOrder, epochs: list[EpochResult]
) -> tuple[LSTMRegressor, WindowSet]:
    """Train on one view, adding to `epochs` as they come, so that a divergence keeps its curve."""
    params = HyperParams.from_mapping(order.params)
    _, (train, validation) = scale_blocks(
        view.rows, view.train, params, view.train, view.validation
    )
    network = build_network(
        len(view.rows.feature_names), params, settings.seed, silent=view.rows.har_skip
    )
    for result in train_epochs(network, params, train, validation, settings, order.epochs):
        epochs.append(result)
        limit = order.limits.get(result.epoch, math.inf)
        if result.validation_loss > limit:
            raise _Pruned(
                f"validation loss {result.validation_loss:.4g} after epoch {result.epoch} is above "
                f"the limit {limit:.4g} of earlier trials"
            )
    return network, validation


def _value(epochs: list[EpochResult], objective: Objective) -> float:
    losses = [epoch.validation_loss for epoch in epochs]
    return min(losses) if objective.epoch == "best" else losses[-1]


def _squared_errors(network: LSTMRegressor, validation: WindowSet) -> Float[np.ndarray, " sample"]:
    errors = forecast(network, validation) - validation.labels.double().cpu().numpy()
    squares: np.ndarray = errors**2
    return squares
