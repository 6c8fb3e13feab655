"""The seed's interpretation guidelines as code: they explain the best configuration line by line.

Where the seed document is wrong, the true number is shown too.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lstm_model.search.distributions import Choice, FloatRange, IntRange
from lstm_model.search.hyper_params import HyperParams, Params
from lstm_model.search.importance import CLAIMS
from lstm_model.search.sampling import ProposalSettings, generation_of, origin_of
from lstm_model.search.space import Space, searched_part
from lstm_model.search.trial import Trial

EDGE = 0.05
"""A real number within this share of its range is at the edge; on a log scale, of the log range."""

WIDEN = 0.25
"""Share of the range, or of the log range, by which it is widened."""

HARD_LIMITS = {
    "hidden_size": (1.0, math.inf),
    "num_layers": (1.0, math.inf),
    "batch_size": (1.0, math.inf),
    "dropout": (0.0, 1.0),
    "recurrent_dropout": (0.0, 1.0),
    "momentum": (0.0, 1.0),
    "lr": (0.0, math.inf),
    "weight_decay": (0.0, math.inf),
    "gradient_noise": (0.0, math.inf),
    "jitter": (0.0, math.inf),
    "layer_lr_decay": (0.0, 1.0),
    "warmup_share": (0.0, 1.0),
    "sequence_length": (2.0, math.inf),
    "ticker_embedding": (0.0, math.inf),
}
"""Bounds that `HyperParams` sets for each parameter."""

SEED_WEIGHTS = {(64, 1): "~50K", (128, 2): "~200K", (256, 3): "~800K", (256, 2): "~500K"}
"""The seed's Table 5: estimated parameters by hidden size and layers."""

SEED_READINGS = {
    "dropout": ("regularisation is not critical", "the model is prone to overfitting"),
    "lr": ("it needs careful, slow training", "fast convergence is possible"),
}
"""What the seed says of values below and above a parameter's typical range."""

AT_AN_EDGE = {
    "hidden_size": ("a simpler model suffices", "a larger architecture may do better"),
    "num_layers": ("a simpler model suffices", "a larger architecture may do better"),
}

WITHOUT_LOSSES = {"qmc": "taken from a Sobol sequence", "grid": "taken from the grid"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One line about one parameter; `widen` has the settings that widen its range."""

    parameter: str
    text: str
    at_edge: bool = False
    widen: tuple[str, ...] = ()


def interpret(params: HyperParams, space: Space, weights: int) -> list[Reading]:
    """Explain the best configuration: values at an edge first, then what the seed says.

    `weights` is its true number of trainable parameters.
    """
    searched = searched_part(params, space)
    drawn = [(name, space[name]) for name in space if name in searched]
    edges = [r for name, domain in drawn for r in _edge(name, domain, searched)]
    return [*edges, *(r for name, _ in drawn for r in _seed_reading(name, params, weights))]


def _edge(name: str, domain: IntRange | FloatRange | Choice, searched: Params) -> Iterator[Reading]:
    if isinstance(domain, Choice) or domain.low == domain.high:
        return
    value = float(searched[name])
    place = _place(value, domain)
    margin = EDGE if isinstance(domain, FloatRange) else 0.0
    for side, at_edge in (("low", place <= margin), ("high", place >= 1 - margin)):
        if not at_edge:
            continue
        lesson = AT_AN_EDGE.get(name, ("", ""))[side == "high"]
        text = (
            f"{name} {value:.4g} is at the {side} end of {domain.low:g} .. {domain.high:g}"
            f"{': ' if lesson else ''}{lesson}"
        )
        wider = _wider_low(name, domain) if side == "low" else _wider_high(name, domain)
        keys = tuple(f"search.space.{name}.{key}={bound:.12g}" for key, bound in wider.items())
        advice = f"to widen it, set {' and '.join(keys)}" if keys else "it cannot be widened"
        yield Reading(name, f"{text}; {advice}", at_edge=True, widen=keys)


def _place(value: float, domain: IntRange | FloatRange) -> float:
    if isinstance(domain, FloatRange) and domain.log:
        return math.log(value / domain.low) / math.log(domain.high / domain.low)
    return (value - domain.low) / (domain.high - domain.low)


def _wider_low(name: str, domain: IntRange | FloatRange) -> dict[str, float]:
    limit = HARD_LIMITS[name][0]
    if domain.low <= limit:
        return {}
    if isinstance(domain, IntRange):
        lower = domain.low - _whole_steps(domain)
        if lower >= limit:
            return {"low": float(lower)}
        lower = max(int(limit), domain.low // 2)
        return {"low": float(lower), "step": float(math.gcd(domain.step, domain.low - lower))}
    if domain.log:
        return {"low": _rounded(domain.low / (domain.high / domain.low) ** WIDEN, domain.low)}
    low = _rounded(domain.low - WIDEN * (domain.high - domain.low), domain.low)
    return {"low": low if low > limit else _up_to(name, domain.low, limit)}


def _wider_high(name: str, domain: IntRange | FloatRange) -> dict[str, float]:
    limit = HARD_LIMITS[name][1]
    if domain.high >= limit:
        return {}
    if isinstance(domain, IntRange):
        return {"high": float(domain.high + _whole_steps(domain))}
    if domain.log:
        high = _rounded(domain.high * (domain.high / domain.low) ** WIDEN, domain.high)
    else:
        high = _rounded(domain.high + WIDEN * (domain.high - domain.low), domain.high)
    return {"high": high if high < limit else _up_to(name, domain.high, limit)}


def _whole_steps(domain: IntRange) -> int:
    return domain.step * math.ceil(WIDEN * (domain.high - domain.low) / domain.step)


def _up_to(name: str, bound: float, limit: float) -> float:
    """Return the limit if the parameter can have that value, else the point halfway to it."""
    try:
        HyperParams.from_mapping({name: limit})
    except ValueError:
        return (bound + limit) / 2
    return limit


def _rounded(value: float, bound: float) -> float:
    """Round to the fewest digits, at least two, that leave the value beyond the old bound."""
    for digits in range(2, 12):
        rounded = float(f"{value:.{digits}g}")
        if rounded != bound and (rounded > bound) is (value > bound):
            return rounded
    return value


def _seed_reading(name: str, params: HyperParams, weights: int) -> Iterator[Reading]:
    claim = CLAIMS.get(name)
    if claim is None:
        return
    value = getattr(params, name)
    if name == "batch_size":
        yield Reading(name, _read_batch_size(value))
        return
    below, above = SEED_READINGS.get(name, ("", ""))
    where, lesson = "in", ""
    if value < claim.low:
        where, lesson = "below", below
    elif value > claim.high:
        where, lesson = "above", above
    text = f"{name} {value:.4g} lies {where} the seed's typical {claim.typical}"
    text += f"; the seed says: {lesson}" if lesson else ""
    if name == "lr" and params.optimiser == "sgd":
        text += " (for Adam; this is sgd)"
    if name == "num_layers":
        shape = (params.hidden_size, params.num_layers)
        estimate = None if params.bidirectional else SEED_WEIGHTS.get(shape)
        beside = f", not {estimate} as the seed estimates" if estimate else ""
        text += f"; with hidden_size {params.hidden_size} that is {weights:,} weights{beside}"
    yield Reading(name, text)


def _read_batch_size(value: int) -> str:
    if value <= 32:
        return (
            f"batch_size {value}: the seed says that noisy gradients help; an epoch has "
            f"{128 / value:g} times the steps of 128{' (not 3 times)' if value == 32 else ''}"
        )
    if value >= 128:
        return (
            f"batch_size {value}: the seed says that stable training is preferred; an epoch has "
            f"1/{value / 32:g} of the steps of 32"
        )
    return f"batch_size {value} is {'' if value == 64 else 'about '}the seed's typical 64"


def read_search(
    settings: ProposalSettings,
    finished: Iterable[Trial],
    generation: int | None,
    total: int,
) -> list[Reading]:
    """Say how many trials learnt from losses; the seed claims that all ten do.

    Without generations a trial saw those that had ended when it began. This is not recorded, so
    every trial with a lower number counts as seen, and the count is an upper bound.
    """
    trials = sorted(finished, key=lambda trial: trial.number)
    origins: Counter[str] = Counter()
    for trial in trials:
        first = generation_of(trial.number, generation or 1, total).start
        seen = [other for other in trials if other.number < first]
        origins[origin_of(trial.number, settings, seen)] += 1
    drawn = WITHOUT_LOSSES.get(settings.sampler, "drawn at random")
    at_most = "at most " if generation is None and origins["model"] else ""
    text = (
        f"{len(trials)} finished trials: {origins['queued']} enqueued, {origins['drawn']} {drawn}, "
        f"{at_most}{origins['model']} proposed by a model of earlier losses"
    )
    if settings.sampler != "tpe":
        return [Reading("trials", text)]
    default = (
        f"the seed says that TPE learns from each of ten trials; with Optuna's default of 10 "
        f"start-up trials all ten would be random, so search.startup_trials is "
        f"{settings.startup_trials}"
    )
    return [Reading("trials", text), Reading("trials", default)]
