"""The plain loop, as everyone writes it: what this project's search is timed against.

A Dataset that slices a window per item, DataLoader, one trial after another with all of torch's
threads; for the whole night MLflow called once a metric and `log_model` once a trial. Data, initial
weights, order of samples and dropout are the project's, so equal losses prove equal work.

    python -m benchmarks.reference study SPEC.json RESULT.json
    python -m benchmarks.reference night SPEC.json RESULT.json
"""

import argparse
import copy
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import optuna
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from lstm_model.config.loader import load_config
from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.assemble import split_chronologically
from lstm_model.data.bars import join_panel
from lstm_model.data.cleaning import clean_bars
from lstm_model.data.features import compute_features
from lstm_model.data.scaling import Scaler
from lstm_model.data.targets import compute_targets
from lstm_model.data.views import ChronoSplit
from lstm_model.data.windows import WindowSet, scale_view, scaled_windows
from lstm_model.evaluation.accuracy_tests import diebold_mariano
from lstm_model.evaluation.baselines.forecasts import baseline_forecasts
from lstm_model.evaluation.losses import MSE, losses_by_date
from lstm_model.evaluation.measured import numbers
from lstm_model.evaluation.metrics import Benchmarks, score
from lstm_model.search.hyper_params import HyperParams, Params
from lstm_model.seeding import derive_seed
from tasks.data.data_set import load_search_view
from tasks.data.sources import open_source

Curve = list[tuple[float, float]]
"""Training and validation loss of each epoch."""


class WindowDataset(Dataset):
    """One item a window: a slice of the scaled rows, and its label."""

    def __init__(self, windows: WindowSet) -> None:
        self.rows, self.labels, self.length = windows.rows, windows.labels, windows.length
        self.ends = windows.ends.tolist()

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        end = self.ends[index]
        return self.rows[end - self.length + 1 : end + 1], self.labels[index]


class Shuffled(Sampler):
    """`shuffle=True` with one draw an epoch: torch's own sampler draws a second time, unused."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.generator = count, torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        yield from torch.randperm(self.count, generator=self.generator).tolist()


class PlainLSTM(nn.Module):
    """Stacked LSTM, dropout, one linear head."""

    def __init__(self, feature_count: int, params: HyperParams) -> None:
        super().__init__()
        between = params.dropout if params.num_layers > 1 else 0.0
        size = params.hidden_size
        self.lstm = nn.LSTM(
            feature_count, size, params.num_layers, batch_first=True, dropout=between
        )
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(size, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """Return one forecast a window."""
        states, _ = self.lstm(windows)
        forecasts: Tensor = self.head(self.dropout(states[:, -1])).squeeze(-1)
        return forecasts


def train_plainly(
    params: HyperParams,
    train: WindowSet,
    validation: WindowSet,
    seed: int,
    gradient_clip: float,
    epochs: int,
) -> Iterator[tuple[PlainLSTM, float, float]]:
    """Yield network, training and validation loss of each epoch."""
    torch.manual_seed(seed)
    network = PlainLSTM(train.rows.shape[1], params)
    optimiser = torch.optim.Adam(network.parameters(), lr=params.lr)
    # A loader draws a seed for its workers; from torch's own generator that would shift dropout.
    size, apart = params.batch_size, torch.Generator()
    shuffled = Shuffled(len(train), seed)
    train_loader = DataLoader(WindowDataset(train), size, sampler=shuffled, generator=apart)
    validation_loader = DataLoader(WindowDataset(validation), size, generator=apart)
    torch.manual_seed(seed)
    for _ in range(epochs):
        network.train()
        total = 0.0
        for windows, labels in train_loader:
            optimiser.zero_grad()
            loss = nn.functional.mse_loss(network(windows), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), gradient_clip)
            optimiser.step()
            total += loss.item() * len(labels)
        yield network, total / len(train), mean_squared_error(network, validation_loader)


def mean_squared_error(network: PlainLSTM, loader: DataLoader) -> float:
    """Return the MSE of the scaled label over a loader."""
    network.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for windows, labels in loader:
            total += nn.functional.mse_loss(network(windows), labels, reduction="sum").item()
            count += len(labels)
    return total / count


def run_study(spec: dict[str, Any]) -> dict[str, Any]:
    """Train every trial, one after another; return the curves and the seconds of them all."""
    started = time.perf_counter()
    view = load_search_view(spec["search_path"])
    curves: list[Curve] = []
    for trial in spec["trials"]:
        params = HyperParams.from_mapping(trial["params"])
        scaled = scale_view(view, params)
        epochs = train_plainly(
            params,
            scaled.train,
            scaled.validation,
            trial["seed"],
            spec["gradient_clip"],
            spec["epochs"],
        )
        curves.append([(train, validation) for _, train, validation in epochs])
    return {"curves": curves, "seconds": time.perf_counter() - started}


class PlainNight:
    """The same night in one script: data, search, retraining, evaluation, MLflow in SQLite."""

    def __init__(self, config: PipelineConfig, study_name: str, trials: list[Params]) -> None:
        self.config, self.study_name, self.trials = config, study_name, trials
        self.curves: dict[int, Curve] = {}

    def run(self) -> dict[str, Any]:
        """Run it from bars to the test block."""
        mlflow.set_tracking_uri("sqlite:///mlflow.db")
        mlflow.set_experiment("plain")
        with mlflow.start_run(run_name="night"):
            mlflow.log_params({"study_name": self.study_name, "seed": self.config.seed})
            split = self.prepare()
            best = self.search(split)
            network, retrained = self.retrain(split, best)
            test_mse = self.evaluate(split, best, network)
        return {"curves": self.curves, "retrained": retrained, "test_mse": test_mse}

    def prepare(self) -> ChronoSplit:
        """Fetch and clean bars; compute features, targets and split."""
        config, source = self.config, open_source(self.config.data)
        bars = join_panel(
            [
                clean_bars(source.fetch(ticker, config.data.start, config.data.end), ticker)
                for ticker in config.data.tickers
            ]
        )
        targets = compute_targets(bars, config.target.kind, config.target.horizon)
        return split_chronologically(compute_features(bars), targets, config)

    def search(self, split: ChronoSplit) -> HyperParams:
        """Run the trials that were enqueued, one after another."""
        study = optuna.create_study(storage="sqlite:///optuna.db", study_name=self.study_name)
        for params in self.trials:
            study.enqueue_trial(params)
        study.optimize(lambda trial: self.objective(trial, split), n_trials=len(self.trials))
        return HyperParams.from_mapping(study.best_params)

    def objective(self, trial: optuna.Trial, split: ChronoSplit) -> float:
        """Train one configuration and log it."""
        params = HyperParams(
            hidden_size=trial.suggest_int("hidden_size", 64, 256, step=64),
            num_layers=trial.suggest_int("num_layers", 1, 3),
            dropout=trial.suggest_float("dropout", 0.0, 0.4),
            lr=trial.suggest_float("lr", 1e-4, 5e-3, log=True),
            batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
        )
        seed = derive_seed(self.config.seed, self.study_name, trial.number, "train")
        curve: Curve = []
        with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True):
            mlflow.log_params(trial.params)
            epochs = self._train(params, split, seed, self.config.training.epochs, curve)
            for network, _ in epochs:  # noqa: B007 - the last epoch's is logged
                trial.report(curve[-1][1], len(curve))
            mlflow.log_metric("final_val_loss", curve[-1][1])
            log_model(network)
        self.curves[trial.number] = curve
        return curve[-1][1]

    def retrain(self, split: ChronoSplit, params: HyperParams) -> tuple[PlainLSTM, Curve]:
        """Train the best parameters until validation has not improved for `patience` epochs."""
        settings = self.config.training.retrain
        seed = derive_seed(self.config.seed, self.study_name, "retrain", 0)
        curve: Curve = []
        best_loss, best_epoch, weights = math.inf, 0, {}
        with mlflow.start_run(run_name="retrain", nested=True):
            mlflow.log_params(asdict(params))
            for network, loss in self._train(params, split, seed, settings.max_epochs, curve):
                if loss < best_loss:
                    best_loss, best_epoch = loss, len(curve)
                    weights = copy.deepcopy(network.state_dict())
                if len(curve) - best_epoch >= settings.patience:
                    break
            network.load_state_dict(weights)
            log_model(network, registered_model_name="plain")
        return network, curve

    def evaluate(self, split: ChronoSplit, params: HyperParams, network: PlainLSTM) -> float:
        """Score the final model and the baselines on the test block."""
        rows, ends = split.held_out.rows, split.held_out.test
        scaler = Scaler.fit(split.search.rows, split.search.train)
        test = scaled_windows(rows, ends, scaler)
        network.eval()
        with torch.no_grad():
            loader = DataLoader(WindowDataset(test), params.batch_size)
            scaled = torch.cat([network(windows) for windows, _ in loader]).numpy()
        truth, baselines = rows.labels[ends], baseline_forecasts(split).test
        forecasts = {
            "test": scaler.unscale_forecasts(scaled, rows.har_terms[ends]),
            **baselines,
        }
        benchmarks = Benchmarks(
            train_mean=baselines["train_mean"],
            persistence=baselines["persistence"],
            benchmark=baselines["har"],
            dates=rows.dates[ends],
            horizon=self.config.target.horizon,
            is_volatility=True,
            nested=("zero", "train_mean"),
        )
        scores = {name: score(values, truth, benchmarks) for name, values in forecasts.items()}
        for name, metrics in scores.items():
            for key, value in numbers(metrics, name).items():
                mlflow.log_metric(key, value)
            own, other = (
                losses_by_date(MSE, truth - forecasts[of], rows.dates[ends])
                for of in ("test", name)
            )
            diebold_mariano(own, other, benchmarks.horizon)
        return scores["test"].mse

    def _train(
        self, params: HyperParams, split: ChronoSplit, seed: int, epochs: int, curve: Curve
    ) -> Iterator[tuple[PlainLSTM, float]]:
        started = time.perf_counter()
        scaled = scale_view(split.search, params)
        clip = self.config.training.gradient_clip
        for network, train, validation in train_plainly(
            params, scaled.train, scaled.validation, seed, clip, epochs
        ):
            curve.append((train, validation))
            mlflow.log_metric("train_loss", train, step=len(curve))
            mlflow.log_metric("val_loss", validation, step=len(curve))
            mlflow.log_metric("epoch_seconds", time.perf_counter() - started, step=len(curve))
            started = time.perf_counter()
            yield network, validation


def log_model(network: PlainLSTM, **options: Any) -> None:
    """Log a model with inferred requirements, in the quicker of MLflow's two formats."""
    mlflow.pytorch.log_model(network, name="model", serialization_format="pickle", **options)


def run_night(spec: dict[str, Any]) -> dict[str, Any]:
    """Run a plain night in the current folder."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = load_config(spec["config"], spec.get("overrides"))
    night = PlainNight(config, spec["study_name"], spec["trials"])
    return night.run()


def main() -> None:
    """Read a specification, carry it out, write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("study", "night"))
    parser.add_argument("spec", type=Path)
    parser.add_argument("result", type=Path)
    arguments = parser.parse_args()
    spec = json.loads(arguments.spec.read_text(encoding="utf-8"))
    result = {"study": run_study, "night": run_night}[arguments.what](spec)
    arguments.result.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
