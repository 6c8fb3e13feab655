"""Trial: one configuration that was tried, and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lstm_model.search.hyper_params import HyperParams

TrialState = Literal["COMPLETE", "PRUNED", "FAIL"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One ended trial of a search.

    number: its position in the search; an interrupted trial that runs again keeps it.
    state: complete, pruned or failed.
    params: what was tried.
    loss: validation MSE of the scaled label, as the objective defines it; None unless complete.
    seconds: wall time of the trial.
    epochs: epochs that were trained.
    curve: losses that a pruner compares: by epoch for a holdout, else by fold or seed, from 1.
    standard_error: of the loss; None if unknown.
    block_losses: on consecutive blocks of validation, for the probability of backtest overfitting.
    reason: why it did not complete.
    """

    number: int
    state: TrialState
    params: HyperParams
    loss: float | None
    seconds: float = 0.0
    epochs: int = 0
    curve: Mapping[int, float] = field(default_factory=dict)
    standard_error: float | None = None
    block_losses: tuple[float, ...] = ()
    reason: str = ""

    @property
    def is_finished(self) -> bool:
        """Return whether it counts towards the total: it completed or was pruned."""
        return self.state != "FAIL"
