"""Which model forecasts: the rules by which a night's model becomes the champion."""

from typing import Annotated

from pydantic import Field, StrictInt

from lstm_model.config.section import Count, Section
from lstm_model.search.distributions import Number

Share = Annotated[Number, Field(gt=0, le=0.5)]


class ChampionConfig(Section):
    """By which rules a night's model becomes the champion; docs/champion.md has the reasons."""

    automatic: bool = True
    """Whether the gate promotes; without it each night still writes its verdict down, and a person
    promotes with `lstm-hpo champion promote`."""
    challenger_nights: Count = 1
    """Nights that a challenger stands before tonight's model takes its place; while it stands, the
    live forecasts of both are compared first."""
    alpha_a_year: Share = 0.05
    """Largest chance of any false promotion within 365 days."""
    nightly_share: Annotated[Number, Field(ge=0, le=1)] = 0.1
    """Share of that chance for small looks, one a night, which find only large differences."""
    days_between_looks: Annotated[StrictInt, Field(ge=1, le=365)] = 31
    """Days between two large looks, which share the rest."""
    margin: Annotated[Number, Field(ge=0, le=0.5)] = 0.01
    """By which share the challenger's mean loss must be lower than the champion's."""
    min_dates: Annotated[StrictInt, Field(ge=30)] = 60
    """Fewest dates on which both have a loss; fewer are not tested."""
    first_alpha: Share = 0.05
    """The first champion may not be shown worse than the benchmark at this level."""
    first_margin: Annotated[Number, Field(ge=0, le=0.5)] = 0.02
    """By which share the first champion's mean loss may be above the benchmark's."""
