"""FinalModel: a configuration trained to the end from several seeds, with its learning curves."""

from dataclasses import dataclass

from lstm_model.model.training import LearningCurve
from lstm_model.search.hyper_params import HyperParams


@dataclass(frozen=True, slots=True)
class FinalModel:
    """A configuration trained until the validation loss stopped improving, once per seed.

    name: "winner", or the name of an example.
    bundle_path: folder of the bundle.
    params: of network and training.
    parameters: number of trainable parameters of one network.
    seeds: of the networks.
    trainings: one learning curve for each of `seeds`.
    refit: whether the networks were trained once more on train and validation together.
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
    """The winner of the search, and the seed's example configurations, trained in the same way.

    same_as_winner: the example that equals the winner, if there is one.
    """

    winner: FinalModel
    references: tuple[FinalModel, ...]
    same_as_winner: str | None

    @property
    def all(self) -> tuple[FinalModel, ...]:
        """The winner, then the references."""
        return self.winner, *self.references
