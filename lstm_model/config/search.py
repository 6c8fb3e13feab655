"""SearchConfig: how many trials in total, over which space, and who runs them."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from lstm_model.config.section import Address, Count, Section, nearest_key
from lstm_model.search.distributions import Domain, Number
from lstm_model.search.hyper_params import EXAMPLES, PARAMETER_KINDS, PARAMETER_NAMES, HyperParams
from lstm_model.search.pruning import PrunerName
from lstm_model.search.space import SamplerName, check_conditions, seed_space

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
