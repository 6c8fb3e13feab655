"""What every section of the configuration is made of: strict types, hashes, nearest names."""

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
    """Refuse a bare folder, which MLflow and Optuna both once took and take no more."""
    if "://" not in address or address.startswith("file:"):
        raise ValueError(
            f"must be the address of a database or a server, such as sqlite:///folder/file.db, "
            f"but is {hide_password(address)!r}; write it as one"
        )
    return address


def hide_password(text: str) -> str:
    """Return the text with the password of every address in it blotted out."""
    return re.sub(r"(://[^:/@\s]*):[^\s/][^\s]*@", r"\1:***@", text)


# As JSON, the form that is recorded and hashed, an address has no password.
Address = Annotated[
    str, AfterValidator(_check_address), PlainSerializer(hide_password, when_used="json")
]


class Section(BaseModel):
    """A part of the configuration: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def canonical_sha256(value: object) -> str:
    """Hash a JSON-able value independently of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def nearest_key(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """Name the known key a user most likely meant: alike as a whole, or alike in its last part."""
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    last = {key.rsplit(".", 1)[-1]: key for key in known}
    tail = difflib.get_close_matches(name.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.6)
    if whole or tail:
        return f"did you mean {(whole or [last[tail[0]]])[0]!r}?"
    return f"known are {', '.join(key for key in known if '.' not in key)}"
