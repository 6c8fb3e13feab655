"""The seed document's configurations, trained as the winner is as far as the race lets them."""

from dataclasses import dataclass
from statistics import fmean

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.model.final_model import FinalModels
from lstm_model.model.race import highest_loss_of_a_seed, within
from lstm_model.search.hyper_params import EXAMPLE_NAMES, EXAMPLES, HyperParams
from lstm_model.search.study_result import StudyResult
from tasks.progress import print_note
from tasks.training.ensemble import Ensemble, FinalTrainings, TrainedMember


@dataclass(frozen=True, slots=True)
class References:
    """The references that were trained, and why others were not or not from every seed.

    same_as_winner: the reference that equals the winner, if there is one.
    """

    ensembles: tuple[Ensemble, ...]
    cut_short: dict[str, str]
    same_as_winner: str | None


def final_models(winner: Ensemble, references: References) -> FinalModels:
    """Describe the winner and its references."""
    return FinalModels(
        winner.model,
        tuple(ensemble.model for ensemble in references.ensembles),
        references.same_as_winner,
        references.cut_short,
    )


@task(name="references", cache_policy=NO_CACHE)
def train_references(trainings: FinalTrainings, winner: Ensemble, study: StudyResult) -> References:
    """Let the references race: a seed each, then every seed for those that may equal the winner.

    Their work is limited to `evaluation.reference_budget` times that of the study's search. A first
    training is expected to take as many epochs as the winner's, and the others as many as the
    first. Those with the lowest loss in the search start first, then the others in their order. A
    reference whose first seed is worse than any seed of the winner is likely to be stays at that
    seed. A training that fails is noted and left out.
    """
    config = trainings.config
    count = config.evaluation.references
    params = dict(zip(EXAMPLE_NAMES[:count], EXAMPLES[:count], strict=True))
    same = next((name for name, p in params.items() if p == winner.model.params), None)
    models = {name: p for name, p in params.items() if name != same}
    epochs = fmean(len(curve.epochs) for curve in winner.model.trainings)
    searched = sum(trainings.work(trial.params, trial.epochs) for trial in study.trials)
    single = {
        name: trainings.work(models[name], epochs) / searched
        for name in _start_order(models, study)
    }
    first = within(single, config.evaluation.reference_budget)
    trained = _train(trainings, models, [(name, 0) for name in first.running])
    spent = {
        name: trainings.work(models[name], len(trained[name][0].curve.epochs)) / searched
        if name in trained
        else single[name]
        for name in first.running
    }

    losses = {name: member.curve.best_loss for name, (member, *_) in trained.items()}
    limit = highest_loss_of_a_seed([curve.best_loss for curve in winner.model.trainings])
    more = len(trainings.seeds) - 1
    contenders = {
        name: more * spent[name] for name in sorted(losses, key=lambda name: losses[name])
        if losses[name] <= limit
    }  # fmt: skip
    second = within(contenders, config.evaluation.reference_budget - sum(spent.values()))
    rest = [(name, k) for name in second.running for k in range(1, more + 1)]
    for name, members in _train(trainings, models, rest).items():
        trained[name] += members

    cut_short = dict(first.out)
    for name in trained:
        if more and name not in second.running:
            cut_short[name] = second.out.get(name, "its first seed is worse than the winner's")
    for name, reason in cut_short.items():
        seeds = "one seed only" if name in trained else "not trained"
        print_note(f"reference {name}: {seeds}, because {reason}")
    ensembles = [
        trainings.ensemble(name, models[name], trained[name]) for name in models if name in trained
    ]
    return References(tuple(ensembles), cut_short, same)


def _start_order(models: dict[str, HyperParams], study: StudyResult) -> list[str]:
    """Return the references by their loss in the search, then those that it did not try."""
    tried = {trial.params: trial.loss for trial in study.trials if trial.loss is not None}
    known = [name for name, params in models.items() if params in tried]
    unknown = [name for name in models if name not in known]
    return [*sorted(known, key=lambda name: tried[models[name]]), *unknown]


def _train(
    trainings: FinalTrainings, models: dict[str, HyperParams], members: list[tuple[str, int]]
) -> dict[str, list[TrainedMember]]:
    """Return the trained members of each reference that has any."""
    found: dict[str, list[TrainedMember]] = {}
    if members:
        for (name, _), member in trainings.train("references", models, members).items():
            if isinstance(member, TrainedMember):
                found.setdefault(name, []).append(member)
    return found
