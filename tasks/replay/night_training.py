"""The trainings of a night of a replay, as `FinalTrainings` and `deploy` do them, in a worker.

This module imports neither Optuna's storage nor MLflow nor Prefect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows
from lstm_model.data.windows import WindowSet, scaled_tensor, with_sequence_length
from lstm_model.evaluation.losses import smearing_constant
from lstm_model.evaluation.measured import NotComputed
from lstm_model.model.network import LSTMRegressor
from lstm_model.model.training import TrainingSettings, build_network, forecast
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet, load_scaled_view, load_search_view
from tasks.data.whole_view import load_whole_windows, write_whole_view
from tasks.training.final_training import FinalSpec, train_final
from tasks.training.refit_training import RefitSpec, refit_epochs, train_refit
from tasks.training.warm_path import place_of, warm_path

Values = Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class NightEnsemble:
    """Networks with their scaler."""

    networks: tuple[LSTMRegressor, ...]
    scaler: Scaler
    params: HyperParams

    def forecast(self, rows: Rows, ends: Int[np.ndarray, " sample"]) -> Values:
        """Return the mean forecast of samples, in the target's unit."""
        own = with_sequence_length(rows, self.params)
        windows = WindowSet(
            rows=scaled_tensor(own, self.scaler),
            ends=torch.from_numpy(ends),
            labels=torch.zeros(len(ends)),
            length=own.window_length,
            tickers=torch.from_numpy(rows.ticker_of_row[ends].astype(np.int64)),
        )
        terms = rows.har_terms[ends]
        members = [
            self.scaler.unscale_forecasts(forecast(network, windows), terms)
            for network in self.networks
        ]
        mean: Values = np.mean(members, axis=0)
        return mean


@dataclass(frozen=True, slots=True)
class NightModels:
    """The judged ensemble, the served one, and what is known of both."""

    judged: NightEnsemble
    served: NightEnsemble
    smearing: float
    epochs: tuple[int, ...]


class NightTraining:
    """Trains for one night, as `FinalTrainings` and `deploy` do."""

    def __init__(
        self, config: PipelineConfig, data_set: DataSet, seeds: Sequence[int], scratch: Path
    ) -> None:
        """Take the night's data; scratch: folder for weights on their way."""
        self.config, self.data_set, self.seeds, self.scratch = config, data_set, seeds, scratch
        self.whole_path = ""
        if config.training.deploy == "refit":
            self.whole_path = write_whole_view(data_set)

    def train(self, params: HyperParams, start: str | None) -> NightModels:
        """Train every seed until validation stops improving, and once more on all samples."""
        config, path = self.config, self.data_set.search_path
        retrain, weights = config.training.retrain, self.scratch / "weights"
        judged, served, stopped, epochs = [], [], [], []
        for member, seed in enumerate(self.seeds):
            begin = None if start is None else warm_path(Path(start), member)
            settings = TrainingSettings.of(config, seed)
            final = train_final(
                FinalSpec(
                    params=params,
                    search_path=path,
                    settings=settings,
                    max_epochs=retrain.max_epochs,
                    trial_epochs=config.training.epochs,
                    patience=retrain.patience,
                    refit=retrain.refit,
                    weights_path=str(weights),
                    start_path=begin,
                )
            )
            judged.append(self._network(params, weights))
            stopped.append(final.validation)
            epochs.append(final.curve.best_epoch)
            if self.whole_path:
                train_refit(
                    RefitSpec(
                        params=params,
                        view_path=self.whole_path,
                        settings=settings,
                        epochs=refit_epochs(
                            final.curve.best_epoch,
                            self.data_set,
                            validation_was_learnt=retrain.refit,
                        ),
                        trial_epochs=config.training.epochs,
                        weights_path=str(weights),
                        start_path=begin,
                    )
                )
                served.append(self._network(params, weights))
        scaling, length = params.feature_scaling, params.sequence_length
        scaler = load_scaled_view(path, scaling, length).scaler
        ours = NightEnsemble(tuple(judged), scaler, params)
        newer = ours
        if self.whole_path:
            whole, *_ = load_whole_windows(self.whole_path, scaling, length)
            newer = NightEnsemble(tuple(served), whole, params)
        return NightModels(ours, newer, self._smearing(scaler, np.stack(stopped)), tuple(epochs))

    def keep(self, trained: NightModels, root: Path) -> None:
        """Keep the judged networks for the next night."""
        root.mkdir(parents=True, exist_ok=True)
        for member, network in enumerate(trained.judged.networks):
            save_file(network.state_dict(), place_of(root, member))

    def _network(self, params: HyperParams, weights: Path) -> LSTMRegressor:
        rows = load_search_view(self.data_set.search_path).rows
        network = build_network(
            len(rows.feature_names), params, seed=0, ticker_count=len(rows.tickers)
        )
        network.load_state_dict(load_file(weights))
        return network.eval()

    def _smearing(self, scaler: Scaler, members: Float[np.ndarray, "member sample"]) -> float:
        search = load_search_view(self.data_set.search_path)
        rows, ends = search.rows, search.validation
        found = [scaler.unscale_forecasts(member, rows.har_terms[ends]) for member in members]
        return residual_constant(rows.labels[ends] - np.mean(found, axis=0))


def residual_constant(residuals: Values) -> float:
    """Return the smearing constant; 0 where there is no residual."""
    constant = smearing_constant(residuals)
    return 0.0 if isinstance(constant, NotComputed) else constant
