"""The search space as a unit cube, for the samplers that need one: Sobol, grid and CMA-ES.

Optuna's own versions keep their state in the study; here a point is a pure function of the seed,
the trial number and the losses of earlier generations.
"""

import math
from collections.abc import Sequence

import numpy as np
from cmaes import CMA
from jaxtyping import Float
from scipy.stats import qmc

from lstm_model.errors import ConfigError
from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import Params, Value
from lstm_model.search.space import Space, active_distributions

Point = Float[np.ndarray, " dimension"]

GRID_LEVELS = 5
"""Grid points over a range of real numbers, including both ends."""

MAX_GRID = 1_000_000


def point_to_params(point: Point, space: Space) -> Params:
    """Return the active parameters at a point of the cube; all levels have equal shares of it."""
    params = {
        name: _at(domain, float(u)) for (name, domain), u in zip(space.items(), point, strict=True)
    }
    return {name: params[name] for name in active_distributions(params, space)}


def params_to_point(params: Params, space: Space) -> Point:
    """Return the point of the unit cube for these parameters: mid-level, or the place in the range.

    An inactive parameter is at 0.5.
    """
    return np.array(
        [
            _coordinate(domain, params[name]) if name in params else 0.5
            for name, domain in space.items()
        ]
    )


def sobol_point(number: int, dimensions: int, seed: int) -> Point:
    """Return one point of a scrambled Sobol sequence (Owen 1998), the same for the same seed."""
    sequence = qmc.Sobol(dimensions, scramble=True, rng=seed)
    if number:
        sequence.fast_forward(number)
    point: Point = sequence.random(1)[0]
    return point


def grid_point(number: int, space: Space, seed: int) -> Point:
    """Return one point of the full grid, in an order shuffled by the seed.

    Raises ConfigError if the grid has fewer points than the search has trials, or too many.
    """
    sizes = [_level_count(domain) for domain in space.values()]
    total = math.prod(sizes)
    if number >= total or total > MAX_GRID:
        raise ConfigError(
            f"sampler grid must have more than {number} points, for trial {number}, and at most "
            f"{MAX_GRID} but has {total}; change search.trials, search.space or search.sampler"
        )
    cell = np.unravel_index(np.random.default_rng(seed).permutation(total)[number], sizes)
    return np.array(
        [
            level / (size - 1) if isinstance(domain, FloatRange) else (level + 0.5) / size
            for domain, level, size in zip(space.values(), cell, sizes, strict=True)
        ]
    )


def cma_point(told: Sequence[tuple[Point, float]], dimensions: int, seed: int) -> Point:
    """Return a point drawn from the distribution that CMA-ES has learnt from `told`.

    The strategy is rebuilt on each call and told whole populations in order, so the point depends
    only on the arguments. Hansen (2016), "The CMA Evolution Strategy: A Tutorial".
    """
    strategy = CMA(
        mean=np.full(dimensions, 0.5),
        sigma=1 / 6,
        bounds=np.tile([0.0, 1.0], (dimensions, 1)),
        seed=seed % 2**32,
    )
    size = strategy.population_size
    for first in range(0, len(told) - size + 1, size):
        strategy.tell([(point, loss) for point, loss in told[first : first + size]])
    point: Point = strategy.ask()
    return point


def cma_population(dimensions: int) -> int:
    """Return how many losses CMA-ES needs before it learns from them."""
    size: int = CMA(mean=np.full(dimensions, 0.5), sigma=1 / 6).population_size
    return size


def _level_count(domain: IntRange | FloatRange | Choice) -> int:
    if isinstance(domain, Choice):
        return len(domain.choices)
    if isinstance(domain, IntRange):
        return (domain.high - domain.low) // domain.step + 1
    return 1 if domain.low == domain.high else GRID_LEVELS


def _at(domain: IntRange | FloatRange | Choice, u: float) -> Value:
    if isinstance(domain, FloatRange):
        if domain.log:
            low, high = math.log(domain.low), math.log(domain.high)
            return min(max(math.exp(low + u * (high - low)), domain.low), domain.high)
        return domain.low + u * (domain.high - domain.low)
    level = min(int(u * _level_count(domain)), _level_count(domain) - 1)
    return domain.choices[level] if isinstance(domain, Choice) else domain.low + level * domain.step


def _coordinate(domain: IntRange | FloatRange | Choice, value: Value) -> float:
    if isinstance(domain, Choice):
        return (domain.choices.index(value) + 0.5) / len(domain.choices)
    number = float(value)
    if isinstance(domain, IntRange):
        return ((number - domain.low) / domain.step + 0.5) / _level_count(domain)
    if domain.low == domain.high:
        return 0.5
    if domain.log:
        return math.log(number / domain.low) / math.log(domain.high / domain.low)
    return (number - domain.low) / (domain.high - domain.low)
