"""All settings: `PipelineConfig` and its sections, parsed once; unknown keys are refused."""

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from lstm_model.config.champion import ChampionConfig
from lstm_model.config.data import DataConfig
from lstm_model.config.exogenous import ExogenousConfig
from lstm_model.config.search import SearchConfig
from lstm_model.config.section import Address, Count, Fraction, Section, canonical_sha256
from lstm_model.errors import ConfigError
from lstm_model.search.distributions import Domain, Number
from lstm_model.search.hyper_params import EXAMPLES
from lstm_model.shares import exact

STUDY_NAME_PATTERN = re.compile(r"(?!\.)[A-Za-z0-9._\-]{1,64}")
FUNCTION_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"


FeatureSet = Literal["indicators", "har"]


class FeaturesConfig(Section):
    """The columns that the network sees: built-in sets, and a function of your own."""

    sets: Annotated[tuple[FeatureSet, ...], Field(min_length=1)] = ("indicators",)
    """Built-in sets of columns: `indicators` are 16 technical indicators, `har` the log variance of
    the day and its means over 5 and 22 bars."""
    custom: Annotated[str, Field(pattern=FUNCTION_PATTERN)] | None = None
    """Function of your own that returns more columns, as `module:function`; the leak audit checks
    them too."""
    exogenous: tuple[ExogenousConfig, ...] = ()
    """Series that are joined by date to every ticker's columns, without looking ahead."""

    @property
    def exogenous_tickers(self) -> tuple[str, ...]:
        """Tickers of the exogenous series."""
        return tuple(series.ticker for series in self.exogenous)

    @field_validator("exogenous")
    @classmethod
    def _each_series_once(cls, series: tuple[ExogenousConfig, ...]) -> tuple[ExogenousConfig, ...]:
        tickers = [one.ticker for one in series]
        if len(set(tickers)) < len(tickers):
            raise ValueError(
                f"each exogenous ticker must be listed once but the list is {tickers}; join its "
                f"columns in one entry"
            )
        return series

    @field_validator("sets")
    @classmethod
    def _each_once(cls, sets: tuple[FeatureSet, ...]) -> tuple[FeatureSet, ...]:
        if len(set(sets)) < len(sets):
            raise ValueError(
                f"each set must be listed once but the list is {list(sets)}; remove the duplicate"
            )
        return sets


class TargetConfig(Section):
    """What is forecast, `horizon` bars ahead."""

    kind: Literal["log_return", "log_volatility"] = "log_return"
    """What is forecast: the log return, or the log of the Parkinson variance, over the next
    `horizon` bars."""
    horizon: Count = 1
    """How many bars ahead the forecast reaches."""
    skip: Literal["none", "har"] = "none"
    """With `har` the network corrects the HAR model's forecast instead of forecasting from scratch;
    only for `log_volatility`."""


class WindowsConfig(Section):
    """How many bars the network looks back."""

    length: Annotated[StrictInt, Field(ge=2)] = 60
    """Bars in each input sequence; also the longest `sequence_length` a search may try."""


class SplitConfig(Section):
    """Where the train, validation and test blocks lie: by shares of the dates, or by two dates."""

    train: Fraction = 0.70
    """Share of all dates that is used for training."""
    validation: Fraction = 0.15
    """Share of all dates that is used for validation; the rest is the test block."""
    validation_start: dt.date | None = None
    """First date of the validation block; set it together with `test_start`, instead of the shares.
    """
    test_start: dt.date | None = None
    """First date of the test block; set it together with `validation_start`, instead of the shares.
    """
    purge_bars: Annotated[StrictInt, Field(ge=0)] | None = None
    """Bars dropped before each block boundary so that no label reaches across it; null takes
    `target.horizon`."""

    @model_validator(mode="after")
    def _ordered(self) -> "SplitConfig":
        if (self.validation_start is None) != (self.test_start is None):
            raise ValueError(
                "validation_start and test_start must be set together but one is missing; "
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
                    "shares and dates must not be combined but both are set; keep either "
                    "train and validation, or validation_start and test_start"
                )
        if exact(self.train) + exact(self.validation) >= 1:
            raise ValueError(
                f"train + validation must leave a test block (sum < 1) "
                f"but is {self.train + self.validation:g}; lower one of them"
            )
        return self


class RetrainConfig(Section):
    """The final training of the best parameters, from several seeds."""

    max_epochs: Count = 100
    """Most epochs of a final training; early stopping usually ends it sooner."""
    patience: Count = 10
    """Epochs without a better validation loss after which a final training stops."""
    seeds: Count = 5
    """Networks in the final model, each trained from its own seed; the forecast is their mean."""
    refit: bool = False
    """Train once more on train and validation together, for the number of epochs that early
    stopping found."""


class TrainingConfig(Section):
    """How a trial (`epochs`) and the final model (`retrain`) are trained."""

    epochs: Count = 5
    """Epochs of each trial of the search."""
    gradient_clip: Annotated[Number, Field(gt=0)] = 1.0
    """Largest norm of the gradient in a training step; a larger gradient is scaled down to it."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Number format of the matrix products in training steps: `bf16` is about 1.6 times as fast;
    weights and evaluation stay in fp32."""
    retrain: RetrainConfig = RetrainConfig()
    """The final training of the best parameters."""
    warm_start: Literal["none", "weights"] = "none"
    """Where final trainings begin: at random weights, or with `weights` at the judged ones of the
    newest version, if network and columns are the same and it has not seen tonight's test block."""
    deploy: Literal["judged", "refit"] = "refit"
    """What is served after the night: `refit` fits the judged model again, with its parameters,
    seeds and steps, on all bars, `judged` takes it as it is, without the newest blocks."""
    export: Literal["none", "onnx"] = "none"
    """Another form in which the networks of the registered model are stored: `onnx` needs the extra
    `lstm-hpo[onnx]`."""


class TrackingConfig(Section):
    """Where runs and models are recorded."""

    uri: Address = "sqlite:///mlruns/mlflow.db"
    """Address of the MLflow store: a database or a server; passwords in it are not recorded."""
    experiment: Annotated[str, Field(min_length=1)] = "lstm-hpo"
    """Name of the MLflow experiment that holds the runs."""
    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-]+$")] = "lstm-hpo"
    """Name under which the final model is registered."""


class EvaluationConfig(Section):
    """What the final model is compared with, and how."""

    references: Annotated[StrictInt, Field(ge=0, le=len(EXAMPLES))] = len(EXAMPLES)
    """How many of the seed document's five configurations are trained as the winner is, to show
    what the search was worth."""
    reference_budget: Annotated[Number, Field(ge=0)] = 1.0
    """Most work that the references may take, as a multiple of the search's work; those that do not
    fit are left out, and the page says so."""
    coverage: Fraction = 0.9
    """Share of outcomes that the conformal intervals should contain."""
    position: Literal["sign", "scaled"] = "sign"
    """Position of the trading view for a return forecast: its sign, or scaled by its size; a
    volatility forecast always scales."""
    costs_bps: Annotated[Number, Field(ge=0)] = 5.0
    """Cost of each change of position in the trading view, in basis points of the amount traded."""
    repetitions: Annotated[StrictInt, Field(ge=100)] = 1000
    """Resamples of each bootstrap test."""


class PipelineConfig(Section):
    """The whole configuration of a night; only `data.tickers` has no default."""

    data: DataConfig
    """Which bars, from where."""
    features: FeaturesConfig = FeaturesConfig()
    """What the network sees."""
    target: TargetConfig = TargetConfig()
    """What is forecast."""
    windows: WindowsConfig = WindowsConfig()
    """How far the network looks back."""
    split: SplitConfig = SplitConfig()
    """Where train, validation and test begin and end."""
    training: TrainingConfig = TrainingConfig()
    """How a trial and the final model are trained."""
    search: SearchConfig = SearchConfig()
    """How the hyperparameters are searched."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """What the final model is compared with, and how."""
    champion: ChampionConfig = ChampionConfig()
    """By which rules a night's model becomes the one that forecasts."""
    tracking: TrackingConfig = TrackingConfig()
    """Where runs and models are recorded."""
    seed: Annotated[StrictInt, Field(ge=0)] = 42
    """Seed of every random number; the same seed gives the same results."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where networks are trained; `auto` takes a CUDA GPU if torch can use one."""

    @model_validator(mode="after")
    def _exogenous_is_not_forecast(self) -> "PipelineConfig":
        both = set(self.features.exogenous_tickers) & set(self.data.tickers)
        if both:
            raise ValueError(
                f"an exogenous ticker must not be forecast but {', '.join(sorted(both))} is in "
                f"data.tickers too; remove it from data.tickers or from features.exogenous"
            )
        return self

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
                f"but can be {longest}; raise windows.length or lower the longest sequence"
            )
        return self

    @model_validator(mode="after")
    def _something_is_searched(self) -> "PipelineConfig":
        if not self.active_space:
            raise ValueError(
                f"search.space.ticker_embedding needs a panel of two tickers or more but "
                f"data.tickers has {len(self.data.tickers)}; search another parameter too"
            )
        return self

    @property
    def data_to_fetch(self) -> DataConfig:
        """The data section with the exogenous tickers first: all bars that a snapshot holds."""
        tickers = (*self.features.exogenous_tickers, *self.data.tickers)
        return self.data.model_copy(update={"tickers": tickers})

    @property
    def active_space(self) -> dict[str, Domain]:
        """The parameters that this panel can use: one ticker alone needs no embedding."""
        panel = len(self.data.tickers) > 1
        space = self.search.space.items()
        return {name: domain for name, domain in space if panel or name != "ticker_embedding"}

    @property
    def purge_bars(self) -> int:
        """Bars dropped before each block boundary; the horizon by default."""
        return self.target.horizon if self.split.purge_bars is None else self.split.purge_bars

    def sha256(self) -> str:
        """Return the hash of the configuration with every default filled in."""
        return canonical_sha256(self.model_dump(mode="json"))


def check_study_name(name: str) -> str:
    """Return the study name; raises ConfigError if it is not safe in a path or a URL."""
    if not STUDY_NAME_PATTERN.fullmatch(name):
        raise ConfigError(
            f"a study name must be 1-64 letters, digits, '.', '_' or '-', without a leading '.', "
            f"but is {name!r}; pass another --study-name"
        )
    return name
