"""FinalModel: a configuration trained to the end from several seeds, and how that went."""

from dataclasses import dataclass

from lstm_model.model.training import LearningCurve
from lstm_model.search.hyper_params import HyperParams


@dataclass(frozen=True, slots=True)
class FinalModel:
    """A configuration trained until validation stopped improving, once from each seed.

    parameters: trainable ones of one network.
    trainings: one learning curve for each of `seeds`.
    refit: whether the networks were trained once more, on train and validation together.
    """

    name: str
    bundle_path: str
    params: HyperParams
    parameters: int
    seeds: tuple[int, ...]
    trainings: tuple[LearningCurve, ...]
    refit: bool


@dataclass(frozen=True, slots=True)
class FinalModels:
    """The winner of the search, and the seed's example configurations trained exactly as it was.

    same_as_winner: the example that the search itself ended at, if it did.
    """

    winner: FinalModel
    references: tuple[FinalModel, ...]
    same_as_winner: str | None

    @property
    def all(self) -> tuple[FinalModel, ...]:
        """The winner, then the references."""
        return self.winner, *self.references
