"""FinalModel: a configuration trained to the end from several seeds, with its learning curves."""

from dataclasses import dataclass

from lstm_model.model.early_stopping import LearningCurve
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
    """The winner of the search, and the seed's examples, trained alike as far as their race goes.

    same_as_winner: the example that equals the winner, if there is one. cut_short: why an example
    was not trained, or not from every seed, by name.
    """

    winner: FinalModel
    references: tuple[FinalModel, ...]
    same_as_winner: str | None
    cut_short: dict[str, str]

    @property
    def all(self) -> tuple[FinalModel, ...]:
        """The winner, then the references."""
        return self.winner, *self.references
