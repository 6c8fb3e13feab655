"""Domains: the values over which a parameter is searched, and on which condition."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    model_serializer,
    model_validator,
)

from lstm_model.search.hyper_params import Value


def _refuse_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic takes ValueError for a broken rule
            f"must be a number but is {str(value).lower()}; write digits"
        )
    return value


# YAML 1.1 reads `1e-4` as text, so text that spells a number is accepted; true and false are not.
Number = Annotated[float, BeforeValidator(_refuse_bool)]


def _read_choice(value: object) -> object:
    """Convert text that spells a number to that number; no parameter has numeric names."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(
            f"a choice must be a finite number, text, true or false but is {value!r}; "
            f"write one of these"
        )
    return value


AnyChoice = Annotated[Value, BeforeValidator(_read_choice)]
Choices = Annotated[tuple[AnyChoice, ...], Field(min_length=1)]


class _Domain(BaseModel):
    """A domain that is always active, or only where its condition `when` holds."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    when: dict[str, Choices] = Field(default_factory=dict)
    """Conditions, as `parameter: [values]`: this parameter is searched only where each one holds.
    """

    @model_serializer(mode="wrap")
    def _omit_empty_condition(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        # The study key hashes the space; without conditions it must not depend on `when`.
        return {key: value for key, value in write(self).items() if key != "when" or value}

    def acts(self, drawn: Mapping[str, Value | None]) -> bool:
        """Return whether the condition holds; it fails if a named parameter was not drawn."""
        return all(name in drawn and drawn[name] in values for name, values in self.when.items())


class IntRange(_Domain):
    """Whole numbers `low`, `low + step`, ... up to `high`."""

    type: Literal["int"]
    """Marks a range of whole numbers."""
    low: StrictInt
    """Smallest value, inclusive."""
    high: StrictInt
    """Largest value, inclusive; a whole number of steps above `low`."""
    step: Annotated[StrictInt, Field(ge=1)] = 1
    """Distance between two values."""

    @model_validator(mode="after")
    def _ordered(self) -> "IntRange":
        if self.low > self.high:
            raise ValueError(f"low must be <= high ({self.high}) but is {self.low}; swap them")
        if (self.high - self.low) % self.step:
            reached = self.high - (self.high - self.low) % self.step
            raise ValueError(
                f"steps of {self.step} from {self.low} must end on high but {self.high} is between "
                f"two steps; write {reached} or {reached + self.step}"
            )
        return self

    def distribution(self) -> BaseDistribution:
        """Return the range as an Optuna distribution."""
        return IntDistribution(self.low, self.high, step=self.step)

    def suggest(self, trial: Trial, name: str) -> Value:
        """Draw a value with an Optuna trial."""
        return trial.suggest_int(name, self.low, self.high, step=self.step)

    def holds(self, value: Value) -> bool:
        """Return whether the value can be drawn."""
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that must satisfy every rule on the parameter."""
        return self.low, self.high


class FloatRange(_Domain):
    """Real numbers from `low` to `high`, drawn uniformly or, with `log`, on a log scale."""

    type: Literal["float"]
    """Marks a range of real numbers."""
    low: Number
    """Smallest value, inclusive; above 0 on a log scale."""
    high: Number
    """Largest value, inclusive."""
    log: bool = False
    """Draw uniformly on a log scale."""

    @model_validator(mode="after")
    def _ordered(self) -> "FloatRange":
        if self.low > self.high:
            raise ValueError(f"low must be <= high ({self.high}) but is {self.low}; swap them")
        if self.log and self.low <= 0:
            raise ValueError(
                f"low must be > 0 on a log scale but is {self.low}; raise it or leave out log"
            )
        return self

    def distribution(self) -> BaseDistribution:
        """Return the range as an Optuna distribution."""
        return FloatDistribution(self.low, self.high, log=self.log)

    def suggest(self, trial: Trial, name: str) -> Value:
        """Draw a value with an Optuna trial."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def holds(self, value: Value) -> bool:
        """Return whether the value can be drawn."""
        if isinstance(value, bool | str):
            return False
        return self.low <= value <= self.high

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that must satisfy every rule on the parameter."""
        return self.low, self.high


class Choice(_Domain):
    """One of a few unordered values."""

    type: Literal["categorical"]
    """Marks a list of unordered values."""
    choices: Choices
    """The values to choose from: numbers, text, true or false."""

    def distribution(self) -> BaseDistribution:
        """Return the choices as an Optuna distribution."""
        return CategoricalDistribution(self.choices)

    def suggest(self, trial: Trial, name: str) -> Value:
        """Draw a value with an Optuna trial."""
        # Optuna allows None as a choice; here it never is one.
        drawn: Any = trial.suggest_categorical(name, self.choices)
        value: Value = drawn
        return value

    def holds(self, value: Value) -> bool:
        """Return whether the value can be drawn; true is not 1."""
        return any(
            value == c and isinstance(value, bool) is isinstance(c, bool) for c in self.choices
        )

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that must satisfy every rule on the parameter."""
        return self.choices


Domain = Annotated[IntRange | FloatRange | Choice, Field(discriminator="type")]
