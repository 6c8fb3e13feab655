"""The peer's side of `peer_speed`, in a process of its own: AutoLSTM on Optuna.

Reads a specification from standard input, and answers in the last line of standard output.
Its windows are ours, one by one: the target is the series, scaled as ours is, and
`available_mask` leaves out the days that are nobody's label (the purge).
"""

import json
import logging
import os
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import optuna
import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.auto import AutoLSTM
from neuralforecast.common._base_auto import OptunaOptions
from neuralforecast.losses.pytorch import MSE
from neuralforecast.models import LSTM

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import SearchView
from lstm_model.search.space import seed_space, suggest_params
from tasks.data.data_set import load_search_view

REPLACED = "log_range"
"""AutoLSTM always reads the series too, here the logarithm of this feature, which it replaces."""

SEED = 42
EVALUATION_BATCH = 128


def series(view: SearchView) -> pd.DataFrame:
    """Return the rows of all train and validation windows as AutoLSTM takes them.

    The label of a window that ends on row t is the series on row t + 1.
    """
    rows = view.rows
    first = int(view.train[0]) - rows.window_length + 1
    stop = int(view.validation[-1]) + 2
    labelled = np.zeros(len(rows.dates), dtype=np.float32)
    labelled[: view.train[0] + 1] = 1.0  # before any label, or the first window counts as empty
    for ends in (view.train, view.validation):
        if not np.array_equal(rows.last_values[ends + 1], rows.labels[ends]):
            raise SystemExit("a label must be the next row's last value; take target.horizon 1")
        labelled[ends + 1] = 1.0
    scaler = Scaler.fit(rows, view.train)
    frame = pd.DataFrame(
        scaler.scale_features(rows.features), columns=list(rows.feature_names)
    ).drop(columns=REPLACED)
    frame["y"] = (rows.last_values - scaler.label_mean) / scaler.label_sd
    frame["available_mask"] = labelled
    frame["unique_id"] = rows.tickers[0]
    frame["ds"] = np.arange(len(frame))
    return frame.iloc[first:stop]


def model_settings(spec: dict[str, Any], view: SearchView, params: dict[str, Any]) -> dict:
    """Translate one configuration; logs, bars, checkpoints and the sanity check are off."""
    steps_an_epoch = -(-len(view.train) // params["batch_size"])
    return {
        "input_size": view.rows.window_length,
        "hist_exog_list": [name for name in view.rows.feature_names if name != REPLACED],
        "encoder_hidden_size": params["hidden_size"],
        "encoder_n_layers": params["num_layers"],
        "encoder_dropout": params["dropout"],
        "decoder_layers": 1,
        "learning_rate": params["lr"],
        "batch_size": 1,  # of series
        "windows_batch_size": params["batch_size"],
        "inference_windows_batch_size": EVALUATION_BATCH,
        "max_steps": steps_an_epoch * spec["epochs"],
        "val_check_steps": steps_an_epoch,
        "scaler_type": "identity",
        "random_seed": SEED,
        "gradient_clip_val": spec["gradient_clip"],
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }


def search(spec: dict[str, Any]) -> None:
    """Run the study, answer, and end the process.

    AutoLSTM trains the best configuration once more as soon as its study is finished, which cannot
    be switched off; that is not part of the study, so the process ends before.
    """
    ready_at = time.time()
    view = load_search_view(spec["search_path"])
    space = seed_space()
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="peer")
    for params in spec["configurations"]:
        study.enqueue_trial(params)
    # Those that are not given are drawn by AutoLSTM's own sampler, Optuna's default.
    trials = spec.get("trials", len(spec["configurations"]))
    lock = threading.Lock()

    def settings_of(trial: optuna.Trial) -> dict[str, Any]:
        if not isinstance(trial, optuna.Trial):
            return {}  # AutoLSTM asks once before there is a trial, to check names
        return model_settings(spec, view, suggest_params(trial, space))

    def end_when_finished(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
        with lock:
            finished_at = time.time()
            complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
            if len(complete) == trials:
                print(json.dumps(answer(ready_at, finished_at, complete)), flush=True)
                os._exit(0)

    tuner = AutoLSTM(
        h=1,
        loss=MSE(),
        config=settings_of,
        backend="optuna",
        num_samples=trials,
        callbacks=[end_when_finished],
        optuna_options=OptunaOptions(
            study_kwargs={"n_jobs": spec["at_once"]},
            create_study_kwargs={
                "storage": storage,
                "study_name": "peer",
                "load_if_exists": True,
            },
        ),
    )
    NeuralForecast([tuner], freq=1).fit(series(view), val_size=validation_rows(view))
    raise SystemExit("the study must end the process but did not; trials have failed")


def validation_rows(view: SearchView) -> int:
    """Return on how many of the last rows the validation labels stand."""
    return int(view.validation[-1] - view.validation[0]) + 1


def answer(
    ready_at: float, finished_at: float, trials: list[optuna.trial.FrozenTrial]
) -> dict[str, Any]:
    """Return what `peer_speed` reports; networks are built once more to count their weights."""
    trials = sorted(trials, key=lambda trial: trial.number)
    networks = [LSTM(loss=MSE(), **trial.user_attrs["ALL_PARAMS"]) for trial in trials]
    return {
        "ready_at": ready_at,
        "finished_at": finished_at,
        "losses": [trial.value for trial in trials],
        "parameters": [sum(w.numel() for w in network.parameters()) for network in networks],
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    search(json.load(sys.stdin))
