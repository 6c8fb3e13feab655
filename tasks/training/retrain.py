"""Best parameters and the seed's references -> ensembles over seeds, in memory and on disk."""

from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from safetensors.torch import load_file

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.errors import SearchError
from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.final_model import FinalModel, FinalModels
from lstm_model.model.network import LSTMRegressor, parameter_count, training_cost
from lstm_model.model.training import LearningCurve, TrainingSettings, build_network
from lstm_model.search.hyper_params import EXAMPLE_NAMES, EXAMPLES, HyperParams
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_scaled_view, load_search_view
from tasks.files import refuse_politely
from tasks.progress import TrainingProgress, print_note
from tasks.search.workers import TrialExecutor, WorkerFailed
from tasks.training.final_training import FinalSpec, train_final

WINNER = "winner"

Bundles = dict[str, Bundle]
"""Bundles of the final models by name."""

Member = tuple[str, int]
"""One training: the model's name, and the index of its seed."""


@task(name="retrain", cache_policy=NO_CACHE)
def retrain(
    config: PipelineConfig,
    data_set: DataSet,
    best: HyperParams,
    study_name: str,
    run_id: str,
    executor: TrialExecutor,
) -> tuple[FinalModels, Bundles]:
    """Train the best parameters and the references until the validation loss stops improving.

    config: of the night.
    data_set: the prepared blocks.
    best: the search's best parameters.
    study_name: from which seeds are derived.
    run_id: names the folder in which bundles are saved.
    executor: the worker processes.

    All models are trained from the same seeds. Raises SearchError if every training of the winner
    fails; a reference that fails is noted and left out.
    """
    count = config.evaluation.references
    references = dict(zip(EXAMPLE_NAMES[:count], EXAMPLES[:count], strict=True))
    same = next((name for name, params in references.items() if params == best), None)
    models = {WINNER: best} | {n: params for n, params in references.items() if n != same}
    root = config.data.data_dir.parent / "models" / run_id
    trained: dict[str, FinalModel] = {}
    bundles: Bundles = {}
    with refuse_politely(f"models in {root}"):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".weights-", dir=root) as scratch:
            specs = {
                (name, member): _spec(config, data_set, params, seed, f"{scratch}/{name}-{member}")
                for name, params in models.items()
                for member, seed in enumerate(_seeds(config, study_name))
            }
            outcomes = _train_all(executor, specs)
            for name, params in models.items():
                done = [
                    (specs[key], outcome)
                    for key, outcome in outcomes.items()
                    if key[0] == name and isinstance(outcome, LearningCurve)
                ]
                if done:
                    bundles[name] = _bundle(config, data_set, params, [spec for spec, _ in done])
                    save_bundle(bundles[name], root / name)
                    trained[name] = _describe(config, name, root / name, bundles[name], done)
    if WINNER not in trained:
        reasons = {str(outcome) for key, outcome in outcomes.items() if key[0] == WINNER}
        raise SearchError(
            f"a night needs a final model but all of its trainings failed: "
            f"{'; '.join(sorted(reasons))}"
        )
    winner = trained.pop(WINNER)
    return FinalModels(winner, tuple(trained.values()), same), bundles


def _seeds(config: PipelineConfig, study_name: str) -> list[int]:
    """Return the seeds, as many for every model, because a larger ensemble is better by itself."""
    count = config.training.retrain.seeds
    return [derive_seed(config.seed, study_name, "retrain", member) for member in range(count)]


def _spec(
    config: PipelineConfig, data_set: DataSet, params: HyperParams, seed: int, weights_path: str
) -> FinalSpec:
    return FinalSpec(
        params=params,
        search_path=data_set.search_path,
        settings=TrainingSettings.of(config, seed),
        max_epochs=config.training.retrain.max_epochs,
        trial_epochs=config.training.epochs,
        patience=config.training.retrain.patience,
        refit=config.training.retrain.refit,
        weights_path=weights_path,
    )


def _train_all(
    executor: TrialExecutor, specs: dict[Member, FinalSpec]
) -> dict[Member, LearningCurve | str]:
    """Train all in the workers, the longest first; a failed training gives its reason."""
    costs = {key: training_cost(spec.params) for key, spec in specs.items()}
    longest_first = sorted(specs, key=lambda key: costs[key])[::-1]
    ended: SimpleQueue[PrefectFuture[tuple[Member, LearningCurve | str]]] = SimpleQueue()
    for name, member in longest_first:
        train_in_worker.with_options(task_run_name=f"train-{name}-{member + 1}").submit(
            executor, (name, member), specs[name, member]
        ).add_done_callback(ended.put)
    outcomes: dict[Member, LearningCurve | str] = {}
    with TrainingProgress(list(costs.values())) as progress:
        while len(outcomes) < len(specs):
            key, outcome = ended.get().result()
            outcomes[key] = outcome
            progress.advance(*key, costs[key], outcome)
    for (name, _), outcome in outcomes.items():
        reason = outcome if isinstance(outcome, str) else outcome.reason
        if reason:
            print_note(f"a final training of {name}: {reason}")
    return {key: outcomes[key] for key in specs}


@task(name="final-training", cache_policy=NO_CACHE)
def train_in_worker(
    executor: TrialExecutor, key: Member, spec: FinalSpec
) -> tuple[Member, LearningCurve | str]:
    """Run one final training in a worker process and wait for it."""
    try:
        return key, executor.call(train_final, spec)
    except WorkerFailed as error:
        return key, str(error)


def _bundle(
    config: PipelineConfig, data_set: DataSet, params: HyperParams, specs: list[FinalSpec]
) -> Bundle:
    """Build the bundle of one model from the weights that the workers wrote."""
    rows = load_search_view(data_set.search_path).rows
    view = load_scaled_view(data_set.search_path, params.feature_scaling, params.sequence_length)
    networks: list[LSTMRegressor] = []
    for spec in specs:
        network = build_network(len(rows.feature_names), params, spec.settings.seed)
        network.load_state_dict(load_file(spec.weights_path))
        networks.append(network.eval())
    return Bundle(
        networks=tuple(networks),
        params=params,
        scaler=view.scaler,
        features=config.features,
        feature_names=rows.feature_names,
        window_length=view.train.length,
        target_kind=config.target.kind,
        horizon=config.target.horizon,
    )


def _describe(
    config: PipelineConfig,
    name: str,
    folder: Path,
    bundle: Bundle,
    done: list[tuple[FinalSpec, LearningCurve]],
) -> FinalModel:
    return FinalModel(
        name=name,
        bundle_path=str(folder),
        params=bundle.params,
        parameters=parameter_count(len(bundle.feature_names), bundle.params),
        seeds=tuple(spec.settings.seed for spec, _ in done),
        trainings=tuple(curve for _, curve in done),
        refit=config.training.retrain.refit,
    )
