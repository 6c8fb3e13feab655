"""What a trial depends on, from the configuration and what earlier generations have found."""

from collections.abc import Sequence

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.model.training import TrainingSettings
from lstm_model.search.best_trial import best_by_loss
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.pruning import epoch_limits
from lstm_model.search.trial import Trial
from lstm_model.seeding import derive_seed
from tasks.search.trial import Objective, TrialSpec


def trial_spec(
    config: PipelineConfig,
    search_path: str,
    study_name: str,
    number: int,
    params: HyperParams,
    seen: Sequence[Trial],
) -> TrialSpec:
    """Return the specification of a trial; `seen` are the finished ones of earlier generations."""
    search = config.search
    parts = {"walk_forward": search.folds, "seeds": search.seeds}.get(search.objective, 1)
    seed = derive_seed(config.seed, study_name, number, "train")
    return TrialSpec(
        number=number,
        params=params,
        search_path=search_path,
        epochs=config.training.epochs,
        settings=TrainingSettings.of(config, seed),
        objective=Objective(
            search.objective,
            parts,
            search.objective_epoch,
            config.purge_bars,
            with_error=len(search.minimise) > 1,
        ),
        limits=epoch_limits(
            search.pruner, [trial.curve for trial in seen], number, config.training.epochs
        ),
        best_folds=_best_folds(config, seen),
    )


def _best_folds(config: PipelineConfig, seen: Sequence[Trial]) -> tuple[float, ...]:
    complete = [trial for trial in seen if trial.loss is not None]
    if config.search.pruner != "wilcoxon" or not complete:
        return ()
    best = best_by_loss(complete)
    return tuple(best.curve[fold] for fold in sorted(best.curve))
