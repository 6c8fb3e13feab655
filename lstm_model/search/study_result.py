"""StudyResult: the outcome of a search."""

from dataclasses import dataclass

from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.sampling import ProposalSettings
from lstm_model.search.trial import Trial


@dataclass(frozen=True, slots=True)
class StudyResult:
    """Every trial of a search, the best one, and the Pareto front of loss and seconds.

    study_key: name of the study in the store.
    trials: by ascending number, each in its last state.
    best: the trial whose parameters are used.
    resumed_trials: number of trials that had finished before this night.
    settings: what proposals were made from.
    generation: trials proposed together; None if each saw all that had ended when it began.
    total: finished trials that the configuration asks for.
    front: trial numbers by ascending seconds; empty if only loss is minimised.
    family_trials, family_studies: finished trials of all studies under this name, and the number
    of these studies; a night with new bars starts a new study.
    """

    study_key: str
    trials: tuple[Trial, ...]
    best: Trial
    resumed_trials: int
    settings: ProposalSettings
    generation: int | None
    total: int
    front: tuple[int, ...] = ()
    family_trials: int = 0
    family_studies: int = 0

    @property
    def best_params(self) -> HyperParams:
        """Parameters of the best trial, with the defaults of those that were not searched."""
        return self.best.params
