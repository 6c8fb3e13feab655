"""Final trainings in the workers, and the ensembles made of them, in memory and on disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from safetensors.torch import load_file

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.market import ticker_sessions_a_year
from lstm_model.evaluation.losses import smearing_constant
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.bundle import Bundle, save_bundle
from lstm_model.model.early_stopping import LearningCurve
from lstm_model.model.final_model import FinalModel
from lstm_model.model.network import LSTMRegressor, parameter_count, training_cost
from lstm_model.model.training import TrainingSettings, build_network
from lstm_model.search.hyper_params import HyperParams
from lstm_model.seeding import derive_seed
from tasks.data.data_set import DataSet, load_scaled_view, load_search_view
from tasks.files import refuse_politely
from tasks.progress import TrainingProgress, print_note
from tasks.search.workers import TrialExecutor, WorkerFailed
from tasks.training.final_training import FinalSpec, FinalTraining, train_final
from tasks.training.warm_path import warm_path

Member = tuple[str, int]
"""One training: the model's name, and the index of its seed."""


@dataclass(frozen=True, slots=True)
class TrainedMember:
    """A network trained from one seed, with its cross-stopped forecasts of validation (scaled)."""

    seed: int
    network: LSTMRegressor
    curve: LearningCurve
    validation: Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A final model with its bundle, and its members' cross-stopped forecasts of validation.

    validation: in the target's unit, one row per seed.
    """

    model: FinalModel
    bundle: Bundle
    validation: Float[np.ndarray, "member sample"]


class FinalTrainings:
    """Trains configurations from several seeds in the workers, and makes ensembles of them.

    config: of the night. data_set: the prepared blocks. study_name: from which seeds are derived,
    the same for every model. run_id: names the folder in which bundles are saved. executor: the
    worker processes.
    """

    def __init__(
        self,
        config: PipelineConfig,
        data_set: DataSet,
        study_name: str,
        run_id: str,
        executor: TrialExecutor,
    ) -> None:
        self.config, self.data_set, self.executor = config, data_set, executor
        self.root = config.data.data_dir.parent / "models" / run_id
        count = config.training.retrain.seeds
        self.seeds = [derive_seed(config.seed, study_name, "retrain", k) for k in range(count)]

    def work(self, params: HyperParams, epochs: float) -> float:
        """Return the relative cost of training a configuration for some epochs."""
        return epochs * training_cost(params, self.config.windows.length)

    def train(
        self,
        stage: str,
        models: Mapping[str, HyperParams],
        members: Iterable[Member],
        *,
        warm: bool = False,
    ) -> dict[Member, TrainedMember | str]:
        """Train some members in the workers, the longest first; a failure gives its reason.

        warm: whether seeds begin with the weights that `write_warm_weights` left for them.
        """
        members = list(members)
        costs = {(name, k): training_cost(models[name]) for name, k in members}
        ended: SimpleQueue[PrefectFuture[tuple[Member, FinalTraining | str]]] = SimpleQueue()
        outcomes: dict[Member, FinalTraining | str] = {}
        trained: dict[Member, TrainedMember | str] = {}
        with refuse_politely(f"models in {self.root}"):
            self.root.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".weights-", dir=self.root) as scratch:
                specs = {
                    (name, k): self._spec(
                        models[name],
                        k,
                        f"{scratch}/{name}-{k}",
                        warm_path(self.root, k) if warm else None,
                    )
                    for name, k in members
                }
                for name, k in sorted(members, key=lambda key: costs[key])[::-1]:
                    train_in_worker.with_options(task_run_name=f"train-{name}-{k + 1}").submit(
                        self.executor, (name, k), specs[name, k]
                    ).add_done_callback(ended.put)
                with TrainingProgress(stage, list(costs.values())) as progress:
                    while len(outcomes) < len(specs):
                        key, outcome = ended.get().result()
                        outcomes[key] = outcome
                        curve = outcome if isinstance(outcome, str) else outcome.curve
                        progress.advance(*key, costs[key], curve)
                for key in members:
                    trained[key] = self._read(specs[key], outcomes[key])
        for (name, _), found in trained.items():
            reason = found if isinstance(found, str) else found.curve.reason
            if reason:
                print_note(f"a final training of {name}: {reason}")
        return trained

    def ensemble(self, name: str, params: HyperParams, members: list[TrainedMember]) -> Ensemble:
        """Make an ensemble of trained members, and save its bundle."""
        search = load_search_view(self.data_set.search_path)
        view = load_scaled_view(
            self.data_set.search_path, params.feature_scaling, params.sequence_length
        )
        rows, ends = search.rows, search.validation
        validation = np.stack(
            [view.scaler.unscale_forecasts(m.validation, rows.har_terms[ends]) for m in members]
        )
        smearing = None
        if self.config.target.kind == "log_volatility":
            constant = smearing_constant(rows.labels[ends] - validation.mean(axis=0))
            smearing = None if isinstance(constant, NotComputed) else constant
        bundle = Bundle(
            networks=tuple(member.network for member in members),
            params=params,
            scaler=view.scaler,
            features=self.config.features,
            feature_names=rows.feature_names,
            window_length=view.train.length,
            target_kind=self.config.target.kind,
            horizon=self.config.target.horizon,
            smearing=smearing,
            market=self.config.data.market,
            sessions_a_year={
                ticker: ticker_sessions_a_year(ticker, self.config.data.market)
                for ticker in rows.tickers
            },
            tickers=rows.tickers,
        )
        with refuse_politely(f"models in {self.root}"):
            save_bundle(bundle, self.root / name)
        model = FinalModel(
            name=name,
            bundle_path=str(self.root / name),
            params=params,
            parameters=parameter_count(len(rows.feature_names), params, len(rows.tickers)),
            seeds=tuple(member.seed for member in members),
            trainings=tuple(member.curve for member in members),
            refit=self.config.training.retrain.refit,
        )
        return Ensemble(model, bundle, validation)

    def _spec(
        self, params: HyperParams, member: int, weights_path: str, start_path: str | None
    ) -> FinalSpec:
        retrain = self.config.training.retrain
        return FinalSpec(
            params=params,
            search_path=self.data_set.search_path,
            settings=TrainingSettings.of(self.config, self.seeds[member]),
            max_epochs=retrain.max_epochs,
            trial_epochs=self.config.training.epochs,
            patience=retrain.patience,
            refit=retrain.refit,
            weights_path=weights_path,
            start_path=start_path,
        )

    def _read(self, spec: FinalSpec, outcome: FinalTraining | str) -> TrainedMember | str:
        """Read the weights that a worker wrote."""
        if isinstance(outcome, str):
            return outcome
        rows = load_search_view(spec.search_path).rows
        network = build_network(
            len(rows.feature_names),
            spec.params,
            spec.settings.seed,
            ticker_count=len(rows.tickers),
        )
        network.load_state_dict(load_file(Path(spec.weights_path)))
        return TrainedMember(spec.settings.seed, network.eval(), outcome.curve, outcome.validation)


@task(name="final-training", cache_policy=NO_CACHE)
def train_in_worker(
    executor: TrialExecutor, key: Member, spec: FinalSpec
) -> tuple[Member, FinalTraining | str]:
    """Run one final training in a worker process and wait for it."""
    try:
        return key, executor.call(train_final, spec)
    except WorkerFailed as error:
        return key, str(error)
