"""Every knob: `PipelineConfig` and its sections, parsed once from YAML, unknown keys refused."""

import datetime as dt
import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    field_validator,
    model_validator,
)

from lstm_model.domains import Domain, Number
from lstm_model.errors import ConfigError
from lstm_model.hyper_params import EXAMPLES, PARAMETER_KINDS, PARAMETER_NAMES, HyperParams
from lstm_model.pruning import PrunerName
from lstm_model.search_space import SamplerName, check_conditions, seed_space

TICKER_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-]{0,14}(=[XF])?")
STUDY_NAME_PATTERN = re.compile(r"(?!\.)[A-Za-z0-9._\-]{1,64}")


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


class DataConfig(Section):
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
        if self.snapshot and (self.start or self.end):
            raise ValueError(
                f"a snapshot is taken whole, but start is {self.start} and end is {self.end}; "
                f"set both to null, or leave the snapshot out"
            )
        return self


class TargetConfig(Section):
    """What is forecast, `horizon` bars ahead."""

    kind: Literal["log_return", "log_volatility"] = "log_return"
    horizon: Count = 1


class WindowsConfig(Section):
    """How many bars the network looks back on."""

    length: Annotated[StrictInt, Field(ge=2)] = 60


class SplitConfig(Section):
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


class RetrainConfig(Section):
    """The final training of the best parameters."""

    max_epochs: Count = 100
    patience: Count = 10
    refit: bool = False


class TrainingConfig(Section):
    """Training, of a trial (`epochs`) and of the final model (`retrain`)."""

    epochs: Count = 5
    gradient_clip: Annotated[Number, Field(gt=0)] = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    retrain: RetrainConfig = RetrainConfig()


KIND_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _check_domain(name: str, domain: Domain) -> None:
    """Refuse a domain with values that no network or training can have."""
    kind = PARAMETER_KINDS[name]
    taken = (int, float) if kind is float else (kind,)
    for value in domain.extremes():
        if type(value) not in taken:
            raise ValueError(
                f"{name} must be {KIND_WORDS[kind]} but could be {value}; "
                f"change search.space.{name}"
            )
        try:
            HyperParams.from_mapping({name: kind(value)})
        except ValueError as error:
            raise ValueError(f"{error}; change search.space.{name}") from None


class SearchConfig(Section):
    """The search: how many trials in total, over which space, and who runs them."""

    trials: Count = 10
    space: dict[str, Domain] = Field(default_factory=seed_space)
    startup_trials: Count = 5
    examples: Annotated[StrictInt, Field(ge=0, le=len(EXAMPLES))] = len(EXAMPLES)
    warm_start: Annotated[StrictInt, Field(ge=0)] = 0
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "none"
    objective: Literal["holdout", "walk_forward", "seeds"] = "holdout"
    objective_epoch: Literal["last", "best"] = "last"
    folds: Annotated[StrictInt, Field(ge=2)] = 5
    seeds: Annotated[StrictInt, Field(ge=2)] = 3
    minimise: tuple[Literal["loss"]] | tuple[Literal["loss"], Literal["seconds"]] = ("loss",)
    generation: Count | None = 5
    workers: Count | None = None
    trial_timeout_seconds: Annotated[Number, Field(gt=0)] = 3600.0
    time_budget_seconds: Annotated[Number, Field(gt=0)] | None = None
    storage: Address = "sqlite:///data/studies.db"

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
                raise ValueError(
                    f"unknown parameter {name!r}; {nearest_key(name, PARAMETER_NAMES)}"
                )
            _check_domain(name, domain)
        check_conditions(space)
        return space

    @model_validator(mode="after")
    def _pruner_fits(self) -> "SearchConfig":
        fits = {"median": "holdout", "hyperband": "holdout", "wilcoxon": "walk_forward"}
        if self.objective != fits.get(self.pruner, self.objective):
            raise ValueError(
                f"pruner {self.pruner} needs objective {fits[self.pruner]} but it is "
                f"{self.objective}; change either"
            )
        if len(self.minimise) > 1 and (self.pruner != "none" or self.sampler in {"cmaes"}):
            raise ValueError(
                f"two things to minimise go with no pruner and not with cmaes but pruner is "
                f"{self.pruner} and sampler is {self.sampler}; change them, or minimise loss alone"
            )
        return self


class TrackingConfig(Section):
    """Where runs are recorded."""

    uri: Address = "sqlite:///mlruns/mlflow.db"
    experiment: Annotated[str, Field(min_length=1)] = "lstm-hpo"
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-]+$")] = "lstm-hpo"


class PipelineConfig(Section):
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

    @model_validator(mode="after")
    def _windows_hold_every_sequence(self) -> "PipelineConfig":
        domain = self.search.space.get("sequence_length")
        longest = max((int(value) for value in domain.extremes()), default=0) if domain else 0
        if longest > self.windows.length:
            raise ValueError(
                f"search.space.sequence_length must be <= windows.length ({self.windows.length}) "
                f"but could be {longest}; raise windows.length or lower the longest"
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


def nearest_key(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """Name the known key a user most likely meant: alike as a whole, or alike in its last part."""
    whole = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    last = {key.rsplit(".", 1)[-1]: key for key in known}
    tail = difflib.get_close_matches(name.rsplit(".", 1)[-1], list(last), n=1, cutoff=0.6)
    if whole or tail:
        return f"did you mean {(whole or [last[tail[0]]])[0]!r}?"
    return f"known are {', '.join(key for key in known if '.' not in key)}"
