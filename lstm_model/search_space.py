"""What is searched: the seed document's Table 1 as typed configuration, and its Table 5 rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator


@dataclass(frozen=True, slots=True)
class HyperParams:
    """One configuration of network and training; the defaults are the seed's "Balanced" row."""

    hidden_size: int = 128
    num_layers: int = 2
    dropout: float = 0.2
    lr: float = 1e-3
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1 but is {getattr(self, name)}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be in [0, 1) but is {self.dropout}")
        if not self.lr > 0.0:
            raise ValueError(f"lr must be > 0 but is {self.lr}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "HyperParams":
        """Build from a trial's parameters; a name that is not searched keeps its default."""
        return cls(**values)

    def to_dict(self) -> dict[str, int | float]:
        """Return the parameters in the order of the seed's Table 1."""
        return asdict(self)


BALANCED = HyperParams()
"""The seed's recommended configuration (Table 5)."""

EXAMPLES = (
    BALANCED,
    HyperParams(hidden_size=64, num_layers=1, dropout=0.0, lr=5e-3, batch_size=128),
    HyperParams(hidden_size=64, num_layers=1, dropout=0.4, lr=1e-4, batch_size=128),
    HyperParams(hidden_size=256, num_layers=2, dropout=0.1, lr=5e-3, batch_size=128),
    HyperParams(hidden_size=256, num_layers=3, dropout=0.3, lr=5e-4, batch_size=32),
)
"""The seed's Table 5, the recommended row first, then by growing cost."""


def _refuse_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(  # noqa: TRY004 - pydantic takes ValueError for a broken rule
            f"a number is expected but it is {str(value).lower()}; write digits"
        )
    return value


# YAML 1.1 reads `1e-4` as text, so text that spells a number is accepted; true and false are not.
Number = Annotated[float, BeforeValidator(_refuse_bool)]


class _Domain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class IntRange(_Domain):
    """Whole numbers low, low + step, ... up to high."""

    type: Literal["int"]
    low: StrictInt
    high: StrictInt
    step: Annotated[StrictInt, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _ordered(self) -> "IntRange":
        if self.low > self.high:
            raise ValueError(f"low must be <= high ({self.high}) but is {self.low}; swap them")
        if (self.high - self.low) % self.step:
            reached = self.high - (self.high - self.low) % self.step
            raise ValueError(
                f"steps of {self.step} from {self.low} must end on high but {self.high} is between "
                f"two; write {reached} or {reached + self.step}"
            )
        return self

    def distribution(self) -> BaseDistribution:
        """Return the same range as Optuna spells it."""
        return IntDistribution(self.low, self.high, step=self.step)

    def extremes(self) -> tuple[int | float, ...]:
        """Return the values that any rule on the range has to hold for."""
        return self.low, self.high


class FloatRange(_Domain):
    """Real numbers from low to high, uniform or, with `log`, uniform in the logarithm."""

    type: Literal["float"]
    low: Number
    high: Number
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "FloatRange":
        if self.low > self.high:
            raise ValueError(f"low must be <= high ({self.high}) but is {self.low}; swap them")
        if self.log and self.low <= 0:
            raise ValueError(
                f"low must be > 0 on a log scale but is {self.low}; raise it or drop log"
            )
        return self

    def distribution(self) -> BaseDistribution:
        """Return the same range as Optuna spells it."""
        return FloatDistribution(self.low, self.high, log=self.log)

    def extremes(self) -> tuple[int | float, ...]:
        """Return the values that any rule on the range has to hold for."""
        return self.low, self.high


class Choice(_Domain):
    """One of a few unordered values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[StrictInt | Number, ...], Field(min_length=1)]

    def distribution(self) -> BaseDistribution:
        """Return the same choices as Optuna spells them."""
        return CategoricalDistribution(self.choices)

    def extremes(self) -> tuple[int | float, ...]:
        """Return the values that any rule on the choices has to hold for."""
        return self.choices


Domain = Annotated[IntRange | FloatRange | Choice, Field(discriminator="type")]

SamplerName = Literal["tpe", "gp", "random", "qmc", "cmaes", "grid"]

PARAMETER_NAMES = tuple(field.name for field in fields(HyperParams))


def seed_space() -> dict[str, IntRange | FloatRange | Choice]:
    """Return the seed document's Table 1, exactly."""
    return {
        "hidden_size": IntRange(type="int", low=64, high=256, step=64),
        "num_layers": IntRange(type="int", low=1, high=3),
        "dropout": FloatRange(type="float", low=0.0, high=0.4),
        "lr": FloatRange(type="float", low=1e-4, high=5e-3, log=True),
        "batch_size": Choice(type="categorical", choices=(32, 64, 128)),
    }


def distributions(
    space: Mapping[str, IntRange | FloatRange | Choice],
) -> dict[str, BaseDistribution]:
    """Return the search space as Optuna distributions, in the order of declaration."""
    return {name: domain.distribution() for name, domain in space.items()}


def restrict(
    params: HyperParams, space: Mapping[str, IntRange | FloatRange | Choice]
) -> dict[str, int | float] | None:
    """Return the searched part of a configuration, or None where the space does not hold it."""
    values = {name: value for name, value in params.to_dict().items() if name in space}
    for name, value in values.items():
        domain = space[name]
        if isinstance(domain, Choice):
            held = value in domain.choices
        else:
            held = domain.low <= value <= domain.high
        if isinstance(domain, IntRange):
            held = held and (value - domain.low) % domain.step == 0
        if not held:
            return None
    return values
