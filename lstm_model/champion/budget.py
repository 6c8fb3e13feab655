"""Error budget: how much chance of a false promotion tonight's look at a challenger may take."""

from dataclasses import dataclass, fields

import numpy as np

from lstm_model.config.champion import ChampionConfig
from lstm_model.evaluation.measured import MIN_DATES

DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class GateRules:
    """The rules of the gate; docs/champion.md has the simulations behind the defaults.

    alpha_a_year: largest chance of any false promotion within 365 days. nightly_share: of it that
    goes to small looks, one a night, which find only large differences. days_between_looks: large
    looks share the rest and are at least so many days apart. margin: by which share the
    challenger's mean loss must be lower. min_dates: fewer paired dates are not tested.
    first_alpha, first_margin: the first champion may not be shown worse than the benchmark at this
    level, nor have a mean loss above it by more than this share. Raises ValueError if a value is
    out of its range.
    """

    alpha_a_year: float = 0.05
    nightly_share: float = 0.1
    days_between_looks: int = 31
    margin: float = 0.01
    min_dates: int = 60
    first_alpha: float = 0.05
    first_margin: float = 0.02

    def __post_init__(self) -> None:
        for name, low, high in (
            ("alpha_a_year", 0.0, 0.5),
            ("nightly_share", 0.0, 1.0),
            ("days_between_looks", 1, DAYS_A_YEAR),
            ("margin", 0.0, 0.5),
            ("min_dates", MIN_DATES, np.inf),
            ("first_alpha", 0.0, 0.5),
            ("first_margin", 0.0, 0.5),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low} to {high} but is {value}; correct it")

    @classmethod
    def of(cls, config: ChampionConfig) -> "GateRules":
        """Return the rules of a configuration."""
        return cls(**{field.name: getattr(config, field.name) for field in fields(cls)})

    @property
    def small_level(self) -> float:
        """Level of the look of each night: 365 of them take `nightly_share` of the budget."""
        return self.alpha_a_year * self.nightly_share / DAYS_A_YEAR

    @property
    def large_level(self) -> float:
        """Level of a large look: as many as fit into 365 days take the rest of the budget."""
        most = (DAYS_A_YEAR - 1) // self.days_between_looks + 1
        return self.alpha_a_year * (1 - self.nightly_share) / most


@dataclass(frozen=True, slots=True)
class GateState:
    """What the gate remembers from night to night; two days since 1970-01-01, None before any.

    last_look: of any look. last_large_look: of a large one. They outlive the champion: a promotion
    does not refill the budget.
    """

    last_look: int | None = None
    last_large_look: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Tonight's look at one challenger.

    level: the p-value must be below it; 0 if tonight has no look left. next_large: day from which
    on the next large look may be taken. state: to keep if the look is taken.
    """

    level: float
    is_large: bool
    next_large: int
    state: GateState


def tonights_look(night: int, state: GateState, rules: GateRules) -> Look:
    """Return the look that the budget has left for a night, given in days since 1970-01-01.

    The levels of any 365 days in a row add up to at most `alpha_a_year`, and so does, by the union
    bound, the chance of a false promotion: whatever the dependence between nights, blocks and
    challengers. Bonferroni (1936); for its use at looks over time see Proschan, Lan & Wittes
    (2006), "Statistical Monitoring of Clinical Trials", ch. 5. A night has one look; one that is
    not after the last has none.
    """
    due = night
    if state.last_large_look is not None:
        due = state.last_large_look + rules.days_between_looks
    if state.last_look is not None and night <= state.last_look:
        return Look(level=0.0, is_large=False, next_large=due, state=state)
    if night < due:
        after = GateState(last_look=night, last_large_look=state.last_large_look)
        return Look(level=rules.small_level, is_large=False, next_large=due, state=after)
    return Look(
        level=rules.small_level + rules.large_level,
        is_large=True,
        next_large=night + rules.days_between_looks,
        state=GateState(last_look=night, last_large_look=night),
    )
