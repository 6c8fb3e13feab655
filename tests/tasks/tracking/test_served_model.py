"""Claims about the served model: each version runs its own code, whatever else a process has."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from mlflow.exceptions import MlflowException

from lstm_model.errors import ChampionError
from lstm_model.hashes import code_sha256, folder_sha256
from lstm_model.model.bundle import Bundle
from tasks.champion.journal import Journal
from tasks.tracking.champion import BUNDLE_TAG, Registry
from tasks.tracking.version import open_version
from tests.tasks.tracking.conftest import NAME, Store

pytestmark = pytest.mark.process  # MLflow asks git for a commit

COLUMNS = """
import numpy as np, pandas as pd

def momentum(bars):
    close = bars.frame['close']
    return pd.DataFrame({'m': SIGN * 10 * np.log(close / close.shift(5))})
"""


def load(version: int) -> Any:
    return mlflow.pyfunc.load_model(f"models:/{NAME}/{version}")


def model_of(loaded: Any) -> Any:
    return loaded.unwrap_python_model()


def change_code(root: Path) -> None:
    """Make a version another one: its logged HAR differs, and its hashes say so."""
    package, description = root / "artifacts/code/lstm_model", root / "artifacts/bundle0/model.json"
    har = package / "data/har.py"
    source = har.read_text()
    assert source.count("4 * np.log(2)") == 1
    har.write_text(source.replace("4 * np.log(2)", "8 * np.log(2)"))
    sign(description, code_sha256=code_sha256(package))


def sign(path: Path, **changes: object) -> None:
    """Change a description and give it the hash of its new text."""
    description = json.loads(path.read_text()) | changes | {"sha256": ""}
    text = json.dumps(description, indent=2)
    own = sha256(text.encode()).hexdigest()
    path.write_text(text.replace('"sha256": ""', f'"sha256": "{own}"'))


def test_two_versions_of_own_columns_in_one_process(
    store: Store,
    bars: pd.DataFrame,
    with_columns: Callable[[str], Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of two loaded versions computes the columns that it was registered with."""
    monkeypatch.chdir(store.folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    own = store.folder / "my_columns.py"
    alone = {}
    for sign_ in (1, -1):
        own.write_text(COLUMNS.replace("SIGN", str(sign_)))
        sys.modules.pop("my_columns", None)
        bundle = with_columns("my_columns:momentum")
        expected = bundle.forecast_bars(bars)["forecast"].to_numpy()
        alone[store.register(bundle, bars)] = expected
    own.unlink()
    sys.modules.pop("my_columns")
    path = list(sys.path)
    loaded = {version: load(version) for version in alone}
    assert sys.path == path
    for version in (1, 2, 1):
        found = loaded[version].predict(bars)["forecast"]
        np.testing.assert_allclose(found, alone[version], rtol=0, atol=1e-9)
        assert model_of(loaded[version]).process is None
    assert np.abs(alone[1] - alone[2]).max() > 0.001
    assert "my_columns" not in sys.modules


ALONE = """
import sys
from pathlib import Path
import pandas as pd
from lstm_model.model.bundle import load_bundle
bars = pd.read_json(sys.argv[2], dtype={"date": str}, convert_dates=False)
load_bundle(Path(sys.argv[1])).forecast_bars(bars).to_json(sys.argv[3], double_precision=15)
"""


def test_a_version_with_other_code_runs_that(
    store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """A version whose lstm_model differs gives its own numbers beside one that is the same.

    Its process is killed: one line says so, and the next call starts it again. The process ends
    with the model.
    """
    other, same = store.register(bundle, bars), store.register(bundle, bars)
    root = store.root(other)
    change_code(root)
    bars.to_json(store.folder / "bars.json")
    subprocess.run(
        [
            sys.executable, "-P", "-c", ALONE, root / "artifacts/bundle0",
            store.folder / "bars.json", store.folder / "alone.json",
        ],
        env={**os.environ, "PYTHONPATH": str(root / "artifacts/code")},
        check=True,
    )  # fmt: skip
    alone = pd.read_json(store.folder / "alone.json")["forecast"].to_numpy()

    mine, theirs = load(same), load(other)
    assert model_of(theirs).process.pid is None  # it starts with the first call
    expected = bundle.forecast_bars(bars)
    for _ in range(2):
        np.testing.assert_allclose(mine.predict(bars)["forecast"], expected["forecast"], atol=1e-9)
        np.testing.assert_allclose(theirs.predict(bars)["forecast"], alone, rtol=0, atol=1e-9)
    assert np.abs(alone - expected["forecast"]).max() > 0.01
    assert list(theirs.predict(bars).dtypes) == list(mine.predict(bars).dtypes)

    process = model_of(theirs).process
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(MlflowException, match="ended with status -9; call again") as killed:
        theirs.predict(bars)
    assert (killed.value.get_http_status_code(), "\n" in killed.value.message) == (503, False)
    np.testing.assert_allclose(theirs.predict(bars)["forecast"], alone, rtol=0, atol=1e-9)

    with pytest.raises(MlflowException, match="X: a forecast needs >= 270 bars") as refused:
        theirs.predict(bars.tail(100))
    assert refused.value.get_http_status_code() == 400
    np.testing.assert_allclose(theirs.predict(bars)["forecast"], alone, rtol=0, atol=1e-9)
    last = process.pid
    model_of(theirs).close()
    assert not psutil.pid_exists(last)


def test_code_that_is_not_the_versions_is_refused(
    store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """A version whose logged code was changed without its hash, or is gone, is not run."""
    root = store.root(store.register(bundle, bars))
    har = root / "artifacts/code/lstm_model/data/har.py"
    har.write_text(har.read_text() + "\n")
    with pytest.raises(MlflowException, match="the code of a version must have the hash"):
        load(1)
    (root / "artifacts/code/lstm_model/hashes.py").unlink()
    with pytest.raises(MlflowException, match=r"hashes\.py is missing"):
        load(1)


def test_a_bundle_with_another_hash_than_its_tag_is_refused(
    store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """The registry's tag is the hash of the bundle's folder: nothing can be changed or added."""
    registry = Registry(store.uri, NAME, Journal(store.folder / "champion.jsonl"))
    root = store.root(store.register(bundle, bars))
    folder = root / "artifacts/bundle0"
    with open_version(registry, 1) as version:
        digest = version.bundle_sha256
        assert digest == folder_sha256(folder)
        expected = bundle.forecast_bars(bars)["forecast"]
        np.testing.assert_array_equal(version.forecast_bars(bars)["forecast"], expected)
    assert registry.client.get_model_version(NAME, "1").tags == {BUNDLE_TAG: digest}
    (folder / "note.txt").touch()
    words = "has the hash .* but was registered with .*; promote another version"
    with pytest.raises(ChampionError, match=words), open_version(registry, 1):
        pass
    (folder / "note.txt").unlink()
    sign(folder / "model.json", smearing=3.0)
    with pytest.raises(ChampionError, match=words), open_version(registry, 1):
        pass


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)


def test_a_planted_pickle_is_not_opened(store: Store, bundle: Bundle, bars: pd.DataFrame) -> None:
    """Neither serving nor the registry opens a pickle, even if the version's MLmodel names it."""
    root, sprung = store.root(store.register(bundle, bars)), store.folder / "sprung"
    (root / "python_model.pkl").write_bytes(pickle.dumps(Trap(sprung)))
    expected = bundle.forecast_bars(bars)["forecast"]
    np.testing.assert_array_equal(load(1).predict(bars)["forecast"], expected)

    described = yaml.safe_load((root / "MLmodel").read_text())
    flavour = described["flavors"]["python_function"]
    assert flavour.pop("model_code_path").endswith("served_model.py")
    flavour |= {"python_model": "python_model.pkl", "cloudpickle_version": "3"}
    (root / "MLmodel").write_text(yaml.safe_dump(described))
    registry = Registry(store.uri, NAME, Journal(store.folder / "champion.jsonl"))
    with open_version(registry, 1) as version:
        np.testing.assert_array_equal(version.forecast_bars(bars)["forecast"], expected)
    with pytest.raises(MlflowException, match="pickle is disallowed"):
        load(1)  # as docs/use-the-model.md says: MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_served_bundle_that_is_damaged_is_refused(
    name: str, store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """MLflow loads no version whose bundle lacks a byte or a file."""
    path = store.root(store.register(bundle, bars)) / "artifacts/bundle0" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MlflowException, match="a bundle must "):
        load(1)
    path.unlink()
    with pytest.raises(MlflowException, match="a bundle must ") as refused:
        load(1)
    assert (name in refused.value.message, "\n" in refused.value.message) == (True, False)
