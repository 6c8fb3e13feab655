"""StudyResult: a search as far as it got."""

from dataclasses import dataclass

from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.sampling import ProposalSettings
from lstm_model.search.trial import Trial


@dataclass(frozen=True, slots=True)
class StudyResult:
    """Every trial of a search, the chosen one, and the front where loss and seconds are traded.

    trials: by ascending number, each as it ended last.
    resumed_trials: those that were finished before this night.
    settings: what proposals were made from.
    generation: trials proposed together; None where each saw what had ended when it began.
    total: finished trials that were asked for.
    front: trial numbers by ascending seconds; empty where loss alone is minimised.
    family_trials, family_studies: finished trials of all studies under this name, and how many
    studies those are; a new night's bars make a new one.
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
        """The best trial's parameters, with the defaults of those that were not searched."""
        return self.best.params
