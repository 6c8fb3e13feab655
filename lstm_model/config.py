"""Every knob: `PipelineConfig` and its sections, parsed once from YAML, unknown keys refused."""

import datetime as dt
import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    field_validator,
    model_validator,
)

from lstm_model.errors import ConfigError
from lstm_model.search_space import (
    BALANCED,
    PARAMETER_NAMES,
    Choice,
    Domain,
    FloatRange,
    HyperParams,
    IntRange,
    Number,
    seed_space,
)

TICKER_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-]{0,14}(=[XF])?")
STUDY_NAME_PATTERN = re.compile(r"(?!\.)[A-Za-z0-9._\-]{1,64}")


Count = Annotated[StrictInt, Field(ge=1)]
Fraction = Annotated[Number, Field(gt=0.0, lt=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(_Section):
    """Where bars come from, and where what is made of them is kept."""

    tickers: Annotated[tuple[str, ...], Field(min_length=1)]
    source: Literal["yahoo", "bundled", "csv"] = "yahoo"
    csv_dir: Path | None = None
    snapshot: str | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    raw_dir: Path = Path("data/raw")
    data_dir: Path = Path("data/processed")

    @field_validator("tickers")
    @classmethod
    def _tickers_are_names(cls, tickers: tuple[str, ...]) -> tuple[str, ...]:
        for ticker in tickers:
            if not TICKER_PATTERN.fullmatch(ticker):
                raise ValueError(
                    f"a ticker is up to 15 capitals, digits, '.', '-', with an optional leading "
                    f"'^' or trailing '=X', '=F', but one is {ticker!r}; "
                    f"write it as the source lists it"
                )
        if len(set(tickers)) < len(tickers):
            raise ValueError(
                f"each ticker is listed once, but the list is {list(tickers)}; "
                f"remove the repetition"
            )
        return tickers

    @field_validator("snapshot")
    @classmethod
    def _snapshot_is_a_hash(cls, snapshot: str | None) -> str | None:
        if snapshot is not None and not re.fullmatch(r"[0-9a-f]{8,64}", snapshot):
            raise ValueError(
                f"a snapshot is named by 8-64 hexadecimal digits but is {snapshot!r}; "
                f"copy one from an earlier run's record"
            )
        return snapshot

    @model_validator(mode="after")
    def _complete(self) -> "DataConfig":
        if self.source == "csv" and self.csv_dir is None:
            raise ValueError(
                "source csv needs csv_dir but it is not set; name the folder of <TICKER>.csv files"
            )
        if self.start and self.end and self.start >= self.end:
            raise ValueError(
                f"start must be before end ({self.end}) but is {self.start}; swap them"
            )
        return self


class TargetConfig(_Section):
    """What is forecast, `horizon` bars ahead."""

    kind: Literal["log_return", "log_volatility"] = "log_return"
    horizon: Count = 1


class WindowsConfig(_Section):
    """How many bars the network looks back on."""

    length: Annotated[StrictInt, Field(ge=2)] = 60


class SplitConfig(_Section):
    """Where train ends and validation and test begin: fractions of the dates, or two dates."""

    train: Fraction = 0.70
    validation: Fraction = 0.15
    validation_start: dt.date | None = None
    test_start: dt.date | None = None
    purge_bars: Annotated[StrictInt, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "SplitConfig":
        if (self.validation_start is None) != (self.test_start is None):
            raise ValueError(
                "validation_start and test_start are set together, but one is missing; "
                "set both or neither"
            )
        if self.validation_start and self.test_start:
            if self.validation_start >= self.test_start:
                raise ValueError(
                    f"validation_start must be before test_start ({self.test_start}) "
                    f"but is {self.validation_start}; swap them"
                )
            if {"train", "validation"} & self.model_fields_set:
                raise ValueError(
                    "fractions and dates exclude each other, but both are set; keep either "
                    "train and validation, or validation_start and test_start"
                )
        if self.train + self.validation >= 1.0:
            raise ValueError(
                f"train + validation must leave room for a test block (sum < 1) "
                f"but is {self.train + self.validation:g}; lower one of them"
            )
        return self


class RetrainConfig(_Section):
    """The final training of the best parameters."""

    max_epochs: Count = 100
    patience: Count = 10
    refit: bool = False


class TrainingConfig(_Section):
    """Training, of a trial (`epochs`) and of the final model (`retrain`)."""

    epochs: Count = 5
    gradient_clip: Annotated[Number, Field(gt=0)] = 1.0
    retrain: RetrainConfig = RetrainConfig()


def _check_domain(name: str, domain: Domain) -> None:
    """Refuse a domain with values that no network or training can have."""
    kind = type(getattr(BALANCED, name))
    for value in domain.extremes():
        if kind is int and not isinstance(value, int):
            raise ValueError(
                f"{name} must be a whole number but could be {value}; change search.space.{name}"
            )
        try:
            HyperParams.from_mapping({name: kind(value)})
        except ValueError as error:
            raise ValueError(f"{error}; change search.space.{name}") from None


class SearchConfig(_Section):
    """The search: how many trials in total, over which space, and who runs them."""

    trials: Count = 10
    space: dict[str, Domain] = Field(default_factory=seed_space)
    startup_trials: Annotated[StrictInt, Field(ge=1)] | None = None
    generation: Count = 5
    workers: Count | None = None
    trial_timeout_seconds: Annotated[Number, Field(gt=0)] = 3600.0
    storage: str = "sqlite:///data/studies.db"

    @field_validator("space")
    @classmethod
    def _known_parameters(cls, space: dict[str, Domain]) -> dict[str, Domain]:
        if not space:
            raise ValueError(
                "at least one parameter is searched, but the space is empty; "
                "name one or leave the space out"
            )
        for name, domain in space.items():
            if name not in PARAMETER_NAMES:
                raise ValueError(f"unknown parameter {name!r}; {_nearest(name, PARAMETER_NAMES)}")
            _check_domain(name, domain)
        return space

    def resolved_startup_trials(self) -> int:
        """Return how many first trials are random: half the budget, at most Optuna's 10."""
        return self.startup_trials or min(10, max(1, self.trials // 2))


class TrackingConfig(_Section):
    """Where runs are recorded."""

    uri: str = "sqlite:///mlruns/mlflow.db"
    experiment: Annotated[str, Field(min_length=1)] = "lstm-hpo"
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-]+$")] = "lstm-hpo"


class PipelineConfig(_Section):
    """The whole configuration of a night; only `data.tickers` has no default."""

    data: DataConfig
    target: TargetConfig = TargetConfig()
    windows: WindowsConfig = WindowsConfig()
    split: SplitConfig = SplitConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    tracking: TrackingConfig = TrackingConfig()
    seed: Annotated[StrictInt, Field(ge=0)] = 42
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _purge_covers_horizon(self) -> "PipelineConfig":
        purge, horizon = self.split.purge_bars, self.target.horizon
        if purge is not None and purge < horizon:
            raise ValueError(
                f"split.purge_bars must be >= target.horizon ({horizon}) but is {purge}; "
                f"raise split.purge_bars or leave it out"
            )
        return self

    @property
    def purge_bars(self) -> int:
        """Bars dropped before each block boundary; the horizon unless more is asked for."""
        return self.target.horizon if self.split.purge_bars is None else self.split.purge_bars

    def sha256(self) -> str:
        """Return the hash of the configuration with every default filled in."""
        return canonical_sha256(self.model_dump(mode="json"))


def canonical_sha256(value: object) -> str:
    """Hash a JSON-able value independently of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_study_name(name: str) -> str:
    """Return the study name, or raise ConfigError where it could reach a path or a URL."""
    if not STUDY_NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"a study name is 1-64 letters, digits, '.', '_' or '-', without a leading '.', "
            f"but is {name!r}; choose another --study-name"
        )
    return name


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> PipelineConfig:
    """Read a YAML file, apply dotted overrides, and return the validated configuration.

    Raises ConfigError in one line for a file that is missing, empty or malformed, an unknown key
    (naming the nearest known one), and a value that breaks a rule.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no configuration file at {path}; pass --config FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"configuration file {path} must be readable UTF-8 text: {error}; pass another --config"
        ) from error
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2000-13-01
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path} is not valid YAML: {reason}; mend that place") from error
    if not isinstance(raw, dict):
        found = "empty" if raw is None else f"a {type(raw).__name__}"
        raise ConfigError(
            f"{path} must hold a mapping with a section 'data' but is {found}; "
            f"start from configs/lstm_baseline.yaml"
        )
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
    return parse_config(raw, origin=str(path))


def parse_config(raw: Mapping[Any, Any], origin: str = "configuration") -> PipelineConfig:
    """Validate a raw mapping; raises ConfigError in one line (see `load_config`)."""
    known = sorted({*_keys(PipelineConfig), *_space_keys()})
    try:
        return PipelineConfig.model_validate(raw)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        unknown = [p for p in problems if p["type"] == "extra_forbidden"]
        problem = (unknown or problems)[0]
        key = _dotted(problem["loc"])
        if unknown:
            raise ConfigError(f"{origin}: unknown key {key!r}; {_nearest(key, known)}") from None
        raise ConfigError(f"{origin}: {_explain(key, problem)}") from None


def _dotted(location: tuple[int | str, ...]) -> str:
    """Spell a key as in the file, without the tags that pydantic adds for the types it tried."""
    if location[:2] == ("search", "space"):
        location = location[:3] + location[4:6]
    return ".".join(str(part) for part in location)


# What pydantic says in its own terms, in those of a YAML file.
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
            if isinstance(inner, type) and issubclass(inner, _Section):
                yield from _keys(inner, f"{prefix}{name}.")


def _space_keys() -> Iterator[str]:
    for parameter in PARAMETER_NAMES:
        yield f"search.space.{parameter}"
        for domain in (IntRange, FloatRange, Choice):
            yield from (f"search.space.{parameter}.{name}" for name in domain.model_fields)


def _nearest(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """Name the known key a user most likely meant: alike as a whole, or alike in its last part."""
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    last = {key.rsplit(".", 1)[-1]: key for key in known}
    tail = difflib.get_close_matches(name.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.6)
    if whole or tail:
        return f"did you mean {(whole or [last[tail[0]]])[0]!r}?"
    return f"known are {', '.join(key for key in known if '.' not in key)}"
