"""What all sections of the configuration share: strict types, hashes, nearest keys."""

import difflib
import hashlib
import json
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StrictInt

from lstm_model.search.distributions import Number

Count = Annotated[StrictInt, Field(ge=1)]
Fraction = Annotated[Number, Field(gt=0.0, lt=1.0)]


def _check_address(address: str) -> str:
    """Refuse a bare folder, which MLflow and Optuna no longer accept."""
    if "://" not in address or address.startswith("file:"):
        raise ValueError(
            f"must be the address of a database or a server, such as sqlite:///folder/file.db, "
            f"but is {hide_password(address)!r}; write sqlite:/// and the path of a file"
        )
    return address


def hide_password(text: str) -> str:
    """Return the text with the password in every address replaced by ***."""
    return re.sub(r"(://[^:/@\s]*):[^\s/][^\s]*@", r"\1:***@", text)


# JSON is what is recorded and hashed, so it must not contain the password.
Address = Annotated[
    str, AfterValidator(_check_address), PlainSerializer(hide_password, when_used="json")
]


class Section(BaseModel):
    """A part of the configuration: frozen, no unknown keys, no NaN or infinity.

    The string below a key is its description in docs/configuration.md.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


def canonical_sha256(value: object) -> str:
    """Hash a JSON-serialisable value; the order of its keys does not matter."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def nearest_key(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """Name the known key that was most likely meant: similar as a whole, or in its last part."""
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    last = {key.rsplit(".", 1)[-1]: key for key in known}
    tail = difflib.get_close_matches(name.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.6)
    if whole or tail:
        return f"did you mean {(whole or [last[tail[0]]])[0]!r}?"
    return f"known keys are {', '.join(key for key in known if '.' not in key)}"
