"""SearchConfig: how many trials in total, over which space, on how many workers."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from lstm_model.config.section import Address, Count, Section, nearest_key
from lstm_model.search.distributions import Domain, Number
from lstm_model.search.hyper_params import EXAMPLES, PARAMETER_KINDS, PARAMETER_NAMES, HyperParams
from lstm_model.search.pruning import PrunerName
from lstm_model.search.space import SamplerName, check_conditions, seed_space

KIND_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _check_domain(name: str, domain: Domain) -> None:
    """Refuse a domain with a value that no network or training can use."""
    kind = PARAMETER_KINDS[name]
    taken = (int, float) if kind is float else (kind,)
    for value in domain.extremes():
        if type(value) not in taken:
            raise ValueError(
                f"{name} must be {KIND_WORDS[kind]} but can be {value}; change search.space.{name}"
            )
        try:
            HyperParams.from_mapping({name: kind(value)})
        except ValueError as error:
            raise ValueError(f"{error}; change search.space.{name}") from None


class SearchConfig(Section):
    """How hyperparameters are searched: trials in total, space, sampler, workers."""

    mode: Literal["search", "refit"] = "search"
    """Whether the night searches; with `refit` it takes the champion's parameters, tries nothing
    else, and trains, judges and registers as ever."""
    trials: Count = 10
    """Finished trials in total, over all runs of the same study."""
    space: dict[str, Domain] = Field(default_factory=seed_space)
    """The parameters to search and their ranges, or the path of a YAML file with them; the default
    is the seed document's Table 1."""
    startup_trials: Count = 5
    """Trials that must have finished before a sampler learns from them; until then proposals are
    random."""
    examples: Annotated[StrictInt, Field(ge=0, le=len(EXAMPLES))] = len(EXAMPLES)
    """How many of the seed document's five configurations are tried first."""
    warm_start: Annotated[StrictInt, Field(ge=0)] = 0
    """How many of the best trials of the last study of the same space are tried before everything
    else."""
    sampler: SamplerName = "tpe"
    """How new trials are proposed: Parzen estimator, Gaussian process, at random, Sobol points,
    CMA-ES or a grid."""
    pruner: PrunerName = "none"
    """How poor trials are stopped early: `median` and `hyperband` need the objective `holdout`,
    `wilcoxon` needs `walk_forward`."""
    objective: Literal["holdout", "walk_forward", "seeds"] = "holdout"
    """What a trial is scored by: the validation block, the mean over walk-forward folds, or the
    mean over several seeds."""
    objective_epoch: Literal["last", "best"] = "last"
    """Which epoch's validation loss counts: the last one, or the best one."""
    folds: Annotated[StrictInt, Field(ge=2)] = 5
    """Folds of the objective `walk_forward`."""
    seeds: Annotated[StrictInt, Field(ge=2)] = 3
    """Seeds of the objective `seeds`."""
    minimise: tuple[Literal["loss"]] | tuple[Literal["loss"], Literal["seconds"]] = ("loss",)
    """What is minimised; with `[loss, seconds]` the cheapest trial within one standard error of the
    best is taken."""
    generation: Count | None = 5
    """Trials proposed together, which learn only from earlier generations, so that results do not
    depend on `workers`; null proposes each trial as soon as a worker is free."""
    workers: Count | None = None
    """Worker processes; null uses one for each CPU core."""
    trial_timeout_seconds: Annotated[Number, Field(gt=0)] = 3600.0
    """Seconds after which a single trial is stopped and counts as failed."""
    time_budget_seconds: Annotated[Number, Field(gt=0)] | None = None
    """Seconds after which the whole search ends with the trials it has; null sets no limit."""
    storage: Address = "sqlite:///data/studies.db"
    """Address of the database that holds the Optuna studies; passwords in it are not recorded."""

    @field_validator("space")
    @classmethod
    def _known_parameters(cls, space: dict[str, Domain]) -> dict[str, Domain]:
        if not space:
            raise ValueError(
                "at least one parameter must be searched but the space is empty; "
                "name one, or leave out the space"
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
                f"pruner {self.pruner} needs objective {fits[self.pruner]} but objective is "
                f"{self.objective}; change one of them"
            )
        if len(self.minimise) > 1 and (self.pruner != "none" or self.sampler in {"cmaes"}):
            raise ValueError(
                f"minimising loss and seconds needs pruner none and a sampler other than cmaes "
                f"but pruner is {self.pruner} and sampler is {self.sampler}; change them, or "
                f"minimise only loss"
            )
        return self
