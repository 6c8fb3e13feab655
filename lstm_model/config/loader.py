"""YAML file and overrides -> PipelineConfig; errors are explained in one line."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.section import Section, nearest_key
from lstm_model.errors import ConfigError
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import PARAMETER_NAMES
from lstm_model.search.space import seed_space


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> PipelineConfig:
    """Read a YAML file, apply dotted overrides, and return the validated configuration.

    Raises ConfigError in one line if the file is missing, empty or malformed, a key is unknown
    (naming the nearest known one), or a value breaks a rule.
    """
    if not Path(path).exists():
        raise ConfigError(f"the configuration file must exist but {path} does not; pass --config")
    raw = _read_yaml(path, "configuration file", "pass another --config")
    if not isinstance(raw, dict):
        found = "empty" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError(
            f"{path} must contain a mapping with a section 'data' but is {found}; "
            f"start from configs/lstm_baseline.yaml"
        )
    return override_config(raw, overrides or {}, str(path), Path(path).parent)


def override_config(
    raw: dict[Any, Any],
    overrides: Mapping[str, Any],
    origin: str = "configuration",
    folder: Path | None = None,
) -> PipelineConfig:
    """Apply dotted overrides to a raw mapping and validate it; raises what `load_config` raises."""
    for key, value in overrides.items():
        if str(key).startswith("search.space.") and str(key).count(".") > 2:
            _spell_out_space(raw, origin, folder)
        _override(raw, key, value)
    return parse_config(raw, origin, folder)


def _spell_out_space(raw: dict[Any, Any], origin: str, folder: Path | None) -> None:
    """Write out a space that is missing or in a file, so that a single bound can be set."""
    search = raw.get("search") or {}
    if isinstance(search, dict):
        space = search.get("space")
        if space is None:
            space = {name: domain.model_dump() for name, domain in seed_space().items()}
        elif isinstance(space, str):
            space = _read_space(space, origin, folder)
        raw["search"] = search | {"space": space}


def _read_yaml(path: str | Path, what: str, remedy: str) -> Any:
    """Read a YAML file; raises ConfigError if it is not readable text or not YAML."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{what} {path} must be readable UTF-8 text: {error}; {remedy}"
        ) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2000-13-01
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path} is not valid YAML: {reason}; fix that line") from error


def _read_space(name: str, origin: str, folder: Path | None) -> dict[Any, Any]:
    """Read a search space from a file of its own."""
    candidates = [Path(name), *([folder / name] if folder else [])]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        tried = " or ".join(str(path) for path in candidates)
        raise ConfigError(
            f"{origin}: search.space must be a mapping or a file with one "
            f"but there is no {tried}; name a file such as configs/spaces/extended.yaml"
        )
    space = _read_yaml(path, "search space", "name another in search.space")
    if not isinstance(space, dict):
        raise ConfigError(
            f"{path} must contain a mapping of parameters but is {type(space).__name__}; "
            f"start from configs/spaces/seed.yaml"
        )
    return space


def parse_config(
    raw: Mapping[Any, Any], origin: str = "configuration", folder: Path | None = None
) -> PipelineConfig:
    """Validate a raw mapping; raises ConfigError in one line (see `load_config`).

    If `search.space` is text, it is the path of a file with the space, relative to the current
    directory or else to `folder`.
    """
    search = raw.get("search")
    if isinstance(search, dict) and isinstance(search.get("space"), str):
        space = _read_space(search["space"], origin, folder)
        raw = {**raw, "search": {**search, "space": space}}
    known = sorted({*_keys(PipelineConfig), *_space_keys()})
    try:
        return PipelineConfig.model_validate(raw)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        unknown = [p for p in problems if p["type"] == "extra_forbidden"]
        problem = (unknown or problems)[0]
        key = _dotted(problem["loc"])
        if unknown:
            raise ConfigError(f"{origin}: unknown key {key!r}; {nearest_key(key, known)}") from None
        raise ConfigError(f"{origin}: {_explain(key, problem)}") from None


def _dotted(location: tuple[int | str, ...]) -> str:
    """Write a key as in the file, without the tags that pydantic adds for union types."""
    if location[:2] == ("search", "space"):
        location = location[:3] + location[4:6]
    return ".".join(str(part) for part in location)


# pydantic's own terms, in the words of a YAML file.
_RULES = {
    "union_tag_invalid": "its type must be int, float or categorical",
    "union_tag_not_found": "its type must be int, float or categorical",
    "model_attributes_type": "must be a mapping",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "tuple_type": "must be a list",
    "too_short": "must have at least one entry",
    "invalid_key": "a key must be text",
    "path_type": "must be a path",
}
_SUBJECT = re.compile(r"^(Input|String|Datetimes provided to dates) should")


def _explain(key: str, problem: Mapping[str, Any]) -> str:
    if problem["type"] == "missing":
        return f"{key} is required but is missing; add it, as in configs/lstm_baseline.yaml"
    message = _RULES.get(problem["type"]) or _SUBJECT.sub(
        "must", str(problem["msg"]).removeprefix("Value error, ")
    )
    where = f"{key}: " if key else ""
    if problem["type"] == "value_error":
        return f"{where}{message}"
    shown = repr(problem["input"])
    shown = shown if len(shown) < 80 else shown[:77] + "..."
    required = key.startswith(("data.tickers", "search.space.")) or key in {"data", ""}
    remedy = "correct it" if required else "correct it, or leave it out for the default"
    return f"{where}{message} but is {shown}; {remedy}"


def _override(raw: dict[Any, Any], dotted: str, value: Any) -> None:
    """Set one dotted key in the raw mapping, creating sections on the way."""
    node, parts = raw, str(dotted).split(".")
    for part in parts[:-1]:
        inner = node.get(part)
        if inner is None:
            inner = node[part] = {}
        if not isinstance(inner, dict):
            raise ConfigError(
                f"cannot set {dotted!r}: {part!r} is a value, not a section; name another key"
            )
        node = inner
    node[parts[-1]] = value


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, Section):
                yield from _keys(inner, f"{prefix}{name}.")


def _space_keys() -> Iterator[str]:
    for parameter in PARAMETER_NAMES:
        yield f"search.space.{parameter}"
        for domain in (IntRange, FloatRange, Choice):
            yield from (f"search.space.{parameter}.{name}" for name in domain.model_fields)
