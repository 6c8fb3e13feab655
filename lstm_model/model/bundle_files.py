"""The files of a bundle with their hashes: what was written is what is read, or it is refused.

`model.json` has the hash of the weights, of the user's code, and of its own text.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lstm_model.data.stored_code import StoredCode
from lstm_model.errors import LstmHpoError, StorageError
from lstm_model.hashes import code_sha256
from lstm_model.model.judged_errors import JudgedErrors

WEIGHTS_FILE = "weights.safetensors"
JUDGED_FILE = "judged_errors.safetensors"
DESCRIPTION_FILE = "model.json"
CODE_FOLDER = "custom"
FORMAT = 2
"""Of a bundle with hashes; older ones have neither a format nor hashes."""

_OF_DAMAGE = (
    OSError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError, LstmHpoError,
)  # fmt: skip

_OWN_HASH = '"sha256": "{}"'


@cache
def own_code_sha256() -> str:
    """Return the hash of the package `lstm_model` that runs here."""
    return code_sha256(Path(__file__).parents[1])


def write_files(
    folder: Path,
    description: Mapping[str, object],
    weights: Mapping[str, Tensor],
    code: StoredCode | None,
    judged: JudgedErrors | None = None,
) -> None:
    """Write weights, errors, the user's code and the description, each with its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = save(dict(weights))
    (folder / WEIGHTS_FILE).write_bytes(packed)
    errors = None if judged is None else save(judged.to_tensors())
    if errors is not None:
        (folder / JUDGED_FILE).write_bytes(errors)
    if code is not None:
        code.write(folder / CODE_FOLDER)
    hashes = {
        "format": FORMAT,
        "code_sha256": own_code_sha256(),
        "custom_sha256": None if code is None else code.sha256,
        "weights_sha256": sha256(packed).hexdigest(),
        "judged_sha256": None if errors is None else sha256(errors).hexdigest(),
        "sha256": "",
    }
    text = json.dumps({**description, **hashes}, indent=2)
    own = _OWN_HASH.format(sha256(text.encode()).hexdigest())
    signed = text.replace(_OWN_HASH.format(""), own)
    (folder / DESCRIPTION_FILE).write_bytes(signed.encode())


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description; raises StorageError if it is missing or not as it was written."""
    path = folder / DESCRIPTION_FILE
    with damage_named(folder):
        text = path.read_bytes().decode()
        description: dict[str, Any] = json.loads(text)
        found = description.get("sha256")
        if found is None and "format" not in description:
            return description
        if description.get("format") != FORMAT:
            raise ValueError(f"its format is {description.get('format')}, not {FORMAT}")
        unsigned = text.replace(_OWN_HASH.format(found), _OWN_HASH.format(""))
        _require(DESCRIPTION_FILE, unsigned.encode(), str(found))
    return description


def read_weights(folder: Path, description: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read the weights; raises StorageError if they are not those of the description."""
    with damage_named(folder):
        packed = (folder / WEIGHTS_FILE).read_bytes()
        if "format" in description:
            _require(WEIGHTS_FILE, packed, description["weights_sha256"])
        return load(packed)


def read_judged_errors(folder: Path, description: Mapping[str, Any]) -> JudgedErrors | None:
    """Read the errors on the test block; None if the bundle was saved before it was judged."""
    expected = description.get("judged_sha256")
    if expected is None:
        return None
    with damage_named(folder):
        packed = (folder / JUDGED_FILE).read_bytes()
        _require(JUDGED_FILE, packed, expected)
        return JudgedErrors.from_tensors(load(packed))


def _require(name: str, content: bytes, expected: str) -> None:
    found = sha256(content).hexdigest()
    if found != expected:
        raise ValueError(f"{name} has the hash {found[:12]}, not {expected[:12]}")


@contextmanager
def damage_named(folder: Path) -> Iterator[None]:
    """Turn whatever a damaged bundle raises into a StorageError of one line."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name
        raise _damaged(folder, f"{missing} is missing") from error
    except KeyError as error:
        raise _damaged(folder, f"the description has no {error}") from error
    except _OF_DAMAGE as error:
        raise _damaged(folder, " ".join(str(error).split())[:200]) from error


def _damaged(folder: Path, reason: str) -> StorageError:
    return StorageError(
        f"a bundle must be as it was saved but in {folder.name}/ {reason}; download it again, or "
        f"use another version"
    )
