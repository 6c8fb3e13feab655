"""Claims about damage: a bundle that is not as it was saved is refused in one line."""

import json
import os
import pickle
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lstm_model.config.pipeline import FeaturesConfig
from lstm_model.data.har import HAR_NAMES
from lstm_model.data.scaling import Scaler
from lstm_model.errors import StorageError
from lstm_model.model.bundle import Bundle, load_bundle, save_bundle
from lstm_model.model.bundle_files import DESCRIPTION_FILE, WEIGHTS_FILE
from lstm_model.model.training import build_network
from lstm_model.search.hyper_params import HyperParams


def write_bundle(folder: Path) -> Path:
    params = HyperParams(hidden_size=2, num_layers=1)
    bundle = Bundle(
        networks=(build_network(3, params, seed=1), build_network(3, params, seed=2)),
        params=params,
        scaler=Scaler(np.zeros(3), np.ones(3), 0.0, 1.0),
        features=FeaturesConfig(sets=("har",)),
        feature_names=HAR_NAMES,
        window_length=5,
        target_kind="log_volatility",
        horizon=1,
    )
    return save_bundle(bundle, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("whole"))


def assert_refused(folder: Path, words: str = "a bundle must be as it was saved") -> None:
    with pytest.raises(StorageError, match=words) as refused:
        load_bundle(folder)
    assert "\n" not in str(refused.value)
    assert folder.name in str(refused.value)


@pytest.mark.parametrize("name", [DESCRIPTION_FILE, WEIGHTS_FILE])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(
    name: str, place: float, bit: int, whole: Path, tmp_path: Path
) -> None:
    """Not one bit of weights or description can change; not even a space."""
    for file in whole.iterdir():
        content = bytearray(file.read_bytes())
        if file.name == name:
            content[int(place * len(content))] ^= 1 << bit
        (tmp_path / file.name).write_bytes(content)
    assert_refused(tmp_path)


@pytest.mark.parametrize("name", [DESCRIPTION_FILE, WEIGHTS_FILE])
def test_a_missing_or_cut_file_is_refused(name: str, tmp_path: Path) -> None:
    """A file that is cut or missing is named."""
    path = write_bundle(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-7])
    assert_refused(tmp_path)
    path.unlink()
    assert_refused(tmp_path, f"{name} is missing")


def sign(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description of a bundle and make its hashes fit."""
    path = folder / DESCRIPTION_FILE
    description = json.loads(path.read_text())
    change(description)
    description["weights_sha256"] = sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    description["sha256"] = ""
    text = json.dumps(description, indent=2)
    own = sha256(text.encode()).hexdigest()
    path.write_text(text.replace('"sha256": ""', f'"sha256": "{own}"'))


@pytest.mark.parametrize(("change", "words"), [
    ({"networks": 3}, "Missing key"),
    ({"networks": 1}, "leave .* tensors over"),
    ({"networks": 0}, "0 networks leave"),
    ({"feature_names": ["a", "b"]}, "size mismatch"),
    ({"feature_names": None}, "not iterable"),
    ({"params": {"hidden_size": 3}}, "hidden_size|size mismatch|Missing"),
    ({"params": {"hidden_size": "x"}}, "in bundle/ "),
    ({"scaler": {}}, "the description has no 'feature_means'"),
    ({"features": {"sets": ["no"]}}, "in bundle/ "),
    ({"format": 3}, "its format is 3, not 2"),
    ({"target": []}, "in bundle/ "),
])  # fmt: skip
def test_a_description_that_does_not_fit_is_refused(
    change: Mapping[str, object], words: str, tmp_path: Path
) -> None:
    """Also where the hashes fit: other numbers of networks, shapes, settings, or nonsense."""
    folder = write_bundle(tmp_path / "bundle")
    sign(folder, lambda description: description.update(change))
    assert_refused(folder, words)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Weights of another network are refused, also where the hashes fit."""
    folder = write_bundle(tmp_path)
    weights = load_file(folder / WEIGHTS_FILE)
    name = next(name for name in weights if weights[name].ndim == 2)
    save_file(weights | {name: torch.zeros(2, 2)}, folder / WEIGHTS_FILE)
    sign(folder, lambda description: None)
    assert_refused(folder, "size mismatch")


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    """A pickle in the place of the weights is refused without being run, whatever its hash."""
    folder = write_bundle(tmp_path / "bundle")
    sprung = tmp_path / "sprung"
    (folder / WEIGHTS_FILE).write_bytes(pickle.dumps(Trap(str(sprung))))
    assert_refused(folder, f"{WEIGHTS_FILE} has the hash")
    sign(folder, lambda description: None)
    assert_refused(folder)
    torch.save({"a": Trap(str(sprung))}, folder / WEIGHTS_FILE)
    sign(folder, lambda description: None)
    assert_refused(folder)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(str(sprung))))
    assert sprung.exists()  # the trap works
