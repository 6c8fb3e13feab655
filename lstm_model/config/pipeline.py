"""Every knob: `PipelineConfig` and its sections, parsed once from YAML, unknown keys refused."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from lstm_model.config.search import SearchConfig
from lstm_model.config.section import Address, Count, Fraction, Section, canonical_sha256
from lstm_model.errors import ConfigError
from lstm_model.search.distributions import Number
from lstm_model.search.hyper_params import EXAMPLES
from lstm_model.shares import exact

TICKER_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-]{0,14}(=[XF])?")
STUDY_NAME_PATTERN = re.compile(r"(?!\.)[A-Za-z0-9._\-]{1,64}")
FUNCTION_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"


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


FeatureSet = Literal["indicators", "har"]


class FeaturesConfig(Section):
    """What the network sees: sets of columns of ours, and a function of the user's own."""

    sets: Annotated[tuple[FeatureSet, ...], Field(min_length=1)] = ("indicators",)
    custom: Annotated[str, Field(pattern=FUNCTION_PATTERN)] | None = None

    @field_validator("sets")
    @classmethod
    def _each_once(cls, sets: tuple[FeatureSet, ...]) -> tuple[FeatureSet, ...]:
        if len(set(sets)) < len(sets):
            raise ValueError(f"each set is listed once but the list is {list(sets)}; remove one")
        return sets


class TargetConfig(Section):
    """What is forecast, `horizon` bars ahead; with a skip the network corrects that forecast."""

    kind: Literal["log_return", "log_volatility"] = "log_return"
    horizon: Count = 1
    skip: Literal["none", "har"] = "none"


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
        if exact(self.train) + exact(self.validation) >= 1:
            raise ValueError(
                f"train + validation must leave room for a test block (sum < 1) "
                f"but is {self.train + self.validation:g}; lower one of them"
            )
        return self


class RetrainConfig(Section):
    """The final training of the best parameters: an ensemble over seeds."""

    max_epochs: Count = 100
    patience: Count = 10
    seeds: Count = 5
    refit: bool = False


class TrainingConfig(Section):
    """Training, of a trial (`epochs`) and of the final model (`retrain`)."""

    epochs: Count = 5
    gradient_clip: Annotated[Number, Field(gt=0)] = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    retrain: RetrainConfig = RetrainConfig()


class TrackingConfig(Section):
    """Where runs are recorded."""

    uri: Address = "sqlite:///mlruns/mlflow.db"
    experiment: Annotated[str, Field(min_length=1)] = "lstm-hpo"
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-]+$")] = "lstm-hpo"


class EvaluationConfig(Section):
    """What the final model is judged beside, and how."""

    references: Annotated[StrictInt, Field(ge=0, le=len(EXAMPLES))] = len(EXAMPLES)
    coverage: Fraction = 0.9
    position: Literal["sign", "scaled"] = "sign"
    costs_bps: Annotated[Number, Field(ge=0)] = 5.0
    repetitions: Annotated[StrictInt, Field(ge=100)] = 1000


class PipelineConfig(Section):
    """The whole configuration of a night; only `data.tickers` has no default."""

    data: DataConfig
    features: FeaturesConfig = FeaturesConfig()
    target: TargetConfig = TargetConfig()
    windows: WindowsConfig = WindowsConfig()
    split: SplitConfig = SplitConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
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
    def _skip_fits_target(self) -> "PipelineConfig":
        if self.target.skip == "har" and self.target.kind != "log_volatility":
            raise ValueError(
                f"target.skip har needs target.kind log_volatility but it is {self.target.kind}; "
                f"set skip to none"
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


def check_study_name(name: str) -> str:
    """Return the study name, or raise ConfigError where it could reach a path or a URL."""
    if not STUDY_NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"a study name is 1-64 letters, digits, '.', '_' or '-', without a leading '.', "
            f"but is {name!r}; choose another --study-name"
        )
    return name
