"""Claims about ONNX files: under onnxruntime every kind of network forecasts as torch's does."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.scaling import Scaler
from lstm_model.errors import ConfigError
from lstm_model.model import onnx_export
from lstm_model.model.bundle import Bundle, load_bundle, save_bundle
from lstm_model.model.onnx_export import export_networks, require_onnx
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams

FEATURES, LENGTH, TICKERS = 5, 30, ("A", "B", "C")


def make_bundle(change: Mapping[str, object]) -> Bundle:
    """Return two networks with draws for weights; ticker B was not trained on."""
    params = HyperParams.from_mapping({"hidden_size": 8, "num_layers": 2, **change})
    networks = [build_network(FEATURES, params, seed, ticker_count=3) for seed in (1, 2)]
    for network in networks:
        if network.ticker_embedding is not None:
            torch.nn.init.normal_(network.ticker_embedding.vectors)
            network.ticker_embedding.see(torch.tensor([0, 2]))
    return Bundle(
        networks=tuple(networks),
        params=params,
        scaler=Scaler(np.zeros(FEATURES), np.ones(FEATURES), 0.0, 1.0),
        features=FeaturesConfig(),
        feature_names=tuple("abcde"),
        window_length=LENGTH,
        target_kind="log_return",
        horizon=1,
        tickers=TICKERS,
    )


@pytest.mark.parametrize("change", [
    {}, {"hidden_size": 64}, {"num_layers": 1}, {"bidirectional": True}, {"layer_norm": True},
    {"bidirectional": True, "layer_norm": True}, {"recurrent_dropout": 0.3, "dropout": 0.3},
    {"ticker_embedding": 3},
])  # fmt: skip
def test_onnxruntime_forecasts_as_torch(change: Mapping[str, object], tmp_path: Path) -> None:
    """For any number of windows, also one, the two agree within 1e-5; files are about as large."""
    bundle = make_bundle(change)
    paths = export_networks(bundle, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "onnx/0.onnx", "onnx/1.onnx",
    ]  # fmt: skip
    draws = torch.Generator().manual_seed(3)
    for network, path in zip(bundle.networks, paths, strict=True):
        session = onnxruntime.InferenceSession(path)
        weights = 4 * sum(weight.numel() for weight in network.parameters())
        assert path.stat().st_size < weights + 20_000
        for count in (1, 2, 57):
            windows = 3 * torch.randn(count, LENGTH, FEATURES, generator=draws)
            inputs, codes = {"windows": windows.numpy()}, None
            if "ticker_embedding" in change:
                codes = torch.randint(-1, 3, (count,), generator=draws)
                inputs["tickers"] = codes.numpy()
            with torch.no_grad():
                expected = network.eval()(windows, codes).numpy()
            (found,) = session.run(["forecasts"], inputs)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_bundle_is_as_before(tmp_path: Path) -> None:
    """The files lie in the bundle's folder, and the bundle is loaded as without them."""
    bundle = make_bundle({})
    folder = save_bundle(bundle, tmp_path)
    export_networks(bundle, folder)
    again = load_bundle(folder)
    for mine, theirs in zip(bundle.networks, again.networks, strict=True):
        for name, weight in mine.state_dict().items():
            assert torch.equal(weight, theirs.state_dict()[name])


def test_a_missing_package_is_told_before_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants ONNX files without the package is told what to install, in one line."""
    require_onnx("onnx")
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    require_onnx("none")
    with pytest.raises(ConfigError, match=r"install 'lstm-hpo\[onnx\]'") as refused:
        require_onnx("onnx")
    assert "\n" not in str(refused.value)
