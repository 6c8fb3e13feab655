"""Best parameters and the seed's references -> ensembles over seeds -> bundles on disk."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import task
from prefect.cache_policies import NO_CACHE
from safetensors.torch import load_file

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.windows import scale_blocks
from lstm_model.errors import SearchError
from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.network import LSTMRegressor, parameter_count, training_cost
from lstm_model.model.training import TrainingSettings, build_network, resolve_device
from lstm_model.search.hyper_params import EXAMPLE_NAMES, EXAMPLES, HyperParams
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_search_view
from tasks.files import refuse_politely
from tasks.search.progress import notice
from tasks.search.workers import TrialExecutor, WorkerFailed
from tasks.training.final_training import FinalOrder, FinalOutcome, train_to_the_end

WINNER = "winner"


@dataclass(frozen=True, slots=True)
class Retrained:
    """A model trained to the end: where its bundle is, and how each of its trainings went."""

    name: str
    bundle_path: str
    params: HyperParams
    parameters: int
    seeds: tuple[int, ...]
    trainings: tuple[FinalOutcome, ...]
    refit: bool


@dataclass(frozen=True, slots=True)
class FinalModels:
    """The winner, and the seed's example configurations trained exactly as it was.

    `same_as_winner` names the example that the search itself ended at, if it did.
    """

    winner: Retrained
    references: tuple[Retrained, ...]
    same_as_winner: str | None


@task(name="retrain", cache_policy=NO_CACHE)
def retrain(
    config: PipelineConfig,
    data_set: DataSet,
    best: HyperParams,
    study_name: str,
    run_id: str,
    executor: TrialExecutor,
) -> FinalModels:
    """Train the best parameters and the references until validation stops improving.

    Each from several seeds, which are the same for all. Raises SearchError where no training of
    the winner ends well; a reference that fails is told of and left out.
    """
    count = config.evaluation.references
    references = dict(zip(EXAMPLE_NAMES[:count], EXAMPLES[:count], strict=True))
    same = next((name for name, params in references.items() if params == best), None)
    models = {WINNER: best} | {n: params for n, params in references.items() if n != same}
    root = config.data.data_dir.parent / "models" / run_id
    with refuse_politely(f"models in {root}"):
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".weights-", dir=root) as scratch:
            orders = {
                (name, member): _order(config, data_set, params, seed, f"{scratch}/{name}-{member}")
                for name, params in models.items()
                for member, seed in enumerate(_seeds(config, study_name))
            }
            outcomes = _train_all(executor, orders)
            trained = {}
            for name, params in models.items():
                done = [
                    (orders[key], outcome)
                    for key, outcome in outcomes.items()
                    if key[0] == name and isinstance(outcome, FinalOutcome)
                ]
                if done:
                    trained[name] = _bundle(config, data_set, params, name, root / name, done)
    if WINNER not in trained:
        reasons = {str(outcome) for key, outcome in outcomes.items() if key[0] == WINNER}
        raise SearchError(
            f"a night needs a final model but none of its trainings ended well: "
            f"{'; '.join(sorted(reasons))}"
        )
    winner = trained.pop(WINNER)
    return FinalModels(winner, tuple(trained.values()), same)


def _seeds(config: PipelineConfig, study_name: str) -> list[int]:
    """Return as many seeds for every model: an ensemble of more is better by that alone."""
    count = config.training.retrain.seeds
    return [derive_seed(config.seed, study_name, "retrain", member) for member in range(count)]


def _order(
    config: PipelineConfig, data_set: DataSet, params: HyperParams, seed: int, weights_path: str
) -> FinalOrder:
    return FinalOrder(
        params=params.to_dict(),
        search_path=data_set.search_path,
        settings=TrainingSettings(
            seed=seed,
            gradient_clip=config.training.gradient_clip,
            device=resolve_device(config.device),
            precision=config.training.precision,
        ),
        max_epochs=config.training.retrain.max_epochs,
        trial_epochs=config.training.epochs,
        patience=config.training.retrain.patience,
        refit=config.training.retrain.refit,
        weights_path=weights_path,
    )


def _train_all(
    executor: TrialExecutor, orders: dict[tuple[str, int], FinalOrder]
) -> dict[tuple[str, int], FinalOutcome | str]:
    """Train every order in the workers, the longest first; what failed is its reason."""
    longest_first = sorted(
        orders, key=lambda key: training_cost(HyperParams.from_mapping(orders[key].params))
    )[::-1]
    futures = {
        (name, member): train_in_worker.with_options(
            task_run_name=f"train-{name}-{member + 1}"
        ).submit(executor, orders[name, member])
        for name, member in longest_first
    }
    outcomes = {key: futures[key].result() for key in orders}
    for (name, _), outcome in outcomes.items():
        reason = outcome if isinstance(outcome, str) else outcome.reason
        if reason:
            notice(f"a final training of {name}: {reason}")
    return outcomes


@task(name="final-training", cache_policy=NO_CACHE)
def train_in_worker(executor: TrialExecutor, order: FinalOrder) -> FinalOutcome | str:
    """Hand one final training to a worker process and wait for it."""
    try:
        return executor.call(train_to_the_end, order)
    except WorkerFailed as error:
        return str(error)


def _bundle(
    config: PipelineConfig,
    data_set: DataSet,
    params: HyperParams,
    name: str,
    folder: Path,
    done: list[tuple[FinalOrder, FinalOutcome]],
) -> Retrained:
    """Gather the networks of one model into a bundle."""
    view = load_search_view(data_set.search_path)
    scaler, (train,) = scale_blocks(view.rows, view.train, params, view.train)
    feature_count = len(view.rows.feature_names)
    networks: list[LSTMRegressor] = []
    for order, _ in done:
        network = build_network(feature_count, params, order.settings.seed)
        network.load_state_dict(load_file(order.weights_path))
        networks.append(network.eval())
    bundle = Bundle(
        networks=tuple(networks),
        params=params,
        scaler=scaler,
        features=config.features,
        feature_names=view.rows.feature_names,
        window_length=train.length,
        target_kind=config.target.kind,
        horizon=config.target.horizon,
    )
    save_bundle(bundle, folder)
    return Retrained(
        name=name,
        bundle_path=str(folder),
        params=params,
        parameters=parameter_count(feature_count, params),
        seeds=tuple(order.settings.seed for order, _ in done),
        trainings=tuple(outcome for _, outcome in done),
        refit=config.training.retrain.refit,
    )
