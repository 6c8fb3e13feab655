"""The networks of a bundle as ONNX files, for runtimes without Python or torch.

Exported by torch's tracing exporter, which takes a second and needs the package onnx alone. Its
successor (dynamo=True) takes 13 to 35 s a network, needs onnxscript, and writes larger files.
"""

import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from lstm_model.errors import ConfigError
from lstm_model.model.bundle import Bundle
from lstm_model.model.network import LSTMRegressor

ONNX_FOLDER = "onnx"


def require_onnx(export: str) -> None:
    """Raise ConfigError if ONNX files are wanted and the package that writes them is missing."""
    if export == "onnx" and find_spec("onnx") is None:
        raise ConfigError(
            "training.export: onnx needs the package onnx but it is not installed; install "
            "'lstm-hpo[onnx]', or set training.export: none"
        )


def export_networks(bundle: Bundle, folder: Path) -> tuple[Path, ...]:
    """Write each network of a bundle as `onnx/<member>.onnx` below `folder`.

    Inputs are `windows`, float32 (window, time, feature), scaled as model.json says, and with a
    ticker embedding `tickers`, int64 (window), the place in `tickers` of model.json or -1. The
    output is `forecasts`, float32 (window), in units of the scaled label. The number of windows is
    free.
    """
    place = folder / ONNX_FOLDER
    place.mkdir(parents=True, exist_ok=True)
    paths = []
    for member, network in enumerate(bundle.networks):
        path = place / f"{member}.onnx"
        _export(network, len(bundle.feature_names), bundle.window_length, path)
        paths.append(path)
    return tuple(paths)


def _export(network: LSTMRegressor, features: int, length: int, path: Path) -> None:
    network = network.cpu().eval()
    inputs: tuple[torch.Tensor, ...] = (torch.zeros(2, length, features),)
    names = ["windows"]
    if network.ticker_embedding is not None:
        inputs, names = (*inputs, torch.zeros(2, dtype=torch.int64)), [*names, "tickers"]
    with warnings.catch_warnings():
        # Of its age, and of sizes that are fixed when it traces: tests compare what it writes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            inputs,
            path,
            dynamo=False,
            input_names=names,
            output_names=["forecasts"],
            dynamic_axes={name: {0: "window"} for name in (*names, "forecasts")},
        )
