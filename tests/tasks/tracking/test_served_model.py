"""Claims about the served model: each version runs its own code, whatever else a process has."""

import json
import os
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
from mlflow.exceptions import MlflowException

from lstm_model.hashes import code_sha256
from lstm_model.model.bundle import Bundle
from tests.tasks.tracking.conftest import NAME, Store

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


@pytest.mark.process
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
