"""Nights of a replay on disk: one that is there is whole, and is not trained again."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from lstm_model.errors import StorageError
from lstm_model.replay.nights import COLUMNS, ReplayNight, TriedParams
from lstm_model.search.hyper_params import HyperParams
from tasks.files import write_atomically


def write_night(folder: Path, night: ReplayNight) -> Path:
    """Write a night into one file, atomically."""
    facts = {
        "day": night.day, "test_start": night.test_start,
        "snapshot_sha256": night.snapshot_sha256,
        "trials": [
            {"params": trial.params.to_dict(), "loss": trial.loss} for trial in night.trials
        ],
        "best": night.best, "epochs": night.epochs, "seconds": night.seconds,
        "smearing": dict(night.smearing), "failure": night.failure,
    }  # fmt: skip
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **night.forecasts}
    np.savez(buffer, **arrays)
    path = folder / f"{night.day}.npz"
    return write_atomically(path, lambda partial: partial.write_bytes(buffer.getvalue()))


def read_night(folder: Path, day: int) -> ReplayNight | None:
    """Read a night; None if it is not there. Raises StorageError if it is damaged."""
    path = folder / f"{day}.npz"
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts: dict[str, Any] = json.loads(str(stored["facts"]))
            forecasts = {name: stored[name] for name in COLUMNS if name in stored}
        return ReplayNight(
            day=facts["day"],
            test_start=facts["test_start"],
            snapshot_sha256=facts["snapshot_sha256"],
            trials=tuple(
                TriedParams(HyperParams.from_mapping(one["params"]), one["loss"])
                for one in facts["trials"]
            ),
            best=facts["best"],
            epochs=tuple(facts["epochs"]),
            seconds=(facts["seconds"][0], facts["seconds"][1]),
            forecasts=forecasts,
            smearing=facts["smearing"],
            failure=facts["failure"],
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise StorageError(
            f"cannot read the night {path}: {error}; delete it and replay"
        ) from error
