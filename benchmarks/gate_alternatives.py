"""What the gate could have been: other budgets over nights, e-processes, other tests when short.

Imported by `gate_error_rates`; all are simulated on the same losses.
"""

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import stdtr

from benchmarks.simulated_losses import WARM_UP, Rivals, squared_errors
from lstm_model.evaluation.bootstrap import block_length, stationary_samples
from lstm_model.evaluation.long_run import cosine_count

NIGHTS, BLOCK, ALPHA = 250, 713, 0.05
REVIEW = 5
"""Nights between the simulated looks of ways that look every night; neighbours hardly differ."""


def alternatives(years: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield for each way the shares of years with a promotion by night 1, 60, 120 and 250.

    "equal": nothing differs, so all are false. "5 % better": the challengers' MSE is 5 % lower.
    The errors are correlated 0.97; "alike" means that neighbours' own deviations are correlated
    0.98.
    """
    cases = {
        "equal": Rivals(0.97),
        "equal, alike": Rivals(0.97, alike=0.98),
        "equal, correlated 0.90": Rivals(0.90),
        "5 % better": Rivals(0.97, 0.05),
        "5 % better, alike": Rivals(0.97, 0.05, alike=0.98),
    }
    found: dict[str, dict[str, list[float]]] = {}
    for case, rivals in cases.items():
        nights: dict[str, list[float]] = {}
        draws = np.random.default_rng(0)
        for _ in range(years):
            champion, challengers = squared_errors(draws, rivals, BLOCK + NIGHTS, NIGHTS)
            for way, night in one_year(champion - challengers).items():
                nights.setdefault(way, []).append(night)
        for way, first in nights.items():
            shares = [float(np.mean(np.array(first) < by)) for by in (1, 60, 120, 250)]
            found.setdefault(way, {})[case] = shares
    yield from found.items()


def one_year(gaps: np.ndarray) -> dict[str, float]:
    """Return the night of each way's first promotion; gaps: champion's less challengers' losses."""
    reviewed = range(0, NIGHTS, REVIEW)
    blocks = np.array([gaps[n, n : n + BLOCK] for n in reviewed])
    fresh = dict(zip(reviewed, p_values(blocks), strict=True))
    standing = {n: p_values(gaps[:1, : BLOCK + n])[0] for n in reviewed}
    e_values = {n: np.exp(log_wealth(gaps[n, n : n + BLOCK])[-1]) for n in reviewed}
    wealth = log_wealth(gaps[0])[BLOCK - 1 :]
    total = np.cumsum(list(e_values.values())) / len(reviewed)

    def look(p: dict[int, float], every: int) -> float:
        level = ALPHA / len(range(0, NIGHTS, every))
        return min((n for n in range(0, NIGHTS, every) if p[n] < level), default=np.inf)

    # Found by simulation: 2.1 at every night from 713 to 963 days keeps 5 % where nothing differs.
    pocock = float(stdtr(cosine_count(BLOCK), -2.1))
    return {
        "a new challenger every 5 nights, Bonferroni": look(fresh, 5),
        "every 20 nights": look(fresh, 20),
        "every 60 nights": look(fresh, 60),
        "once a year": look(fresh, 250),
        "one standing challenger, every 20 nights, Bonferroni": look(standing, 20),
        "one standing challenger, constant boundary at every night": min(
            (n for n in reviewed if standing[n] < pocock), default=np.inf
        ),
        "one standing challenger, e-process by betting": _first(wealth > np.log(1 / ALPHA)),
        "a new challenger every 5 nights, summed e-values": REVIEW * _first(total > 1 / ALPHA),
    }


def _first(crossed: np.ndarray) -> float:
    return float(np.argmax(crossed)) if crossed.any() else np.inf


def p_values(gaps: np.ndarray) -> np.ndarray:
    """Return the project's one-sided p-values that the mean gaps are above zero, one per row.

    As `mean_test` of each row, but many rows at once.
    """
    n = gaps.shape[1]
    count = cosine_count(n)
    waves = np.arange(1, count + 1)[:, None]
    cosines = math.sqrt(2 / n) * np.cos(np.pi * waves * (np.arange(n) + 0.5) / n)
    variances = np.mean((gaps @ cosines.T) ** 2, axis=1)
    return np.asarray(stdtr(count, -gaps.mean(axis=1) / np.sqrt(variances / n)))


def log_wealth(gaps: np.ndarray) -> np.ndarray:
    """Return the log of an e-process for a mean gap of at most zero, after each day.

    A bet of the growth-optimal share of past days, up to a half, on gaps that are limited to four
    past standard deviations. Waudby-Smith & Ramdas (2024), JRSS B 86(1), 1-27. It holds if no past
    foretells the sign of the next gap; persistent gaps break that.
    """
    days = np.arange(1, len(gaps) + 1)
    limit = 4 * np.sqrt(np.cumsum(gaps**2) / days)
    limit = np.concatenate([np.full(20, np.inf), limit[19:-1]])
    bets = np.where(np.isinf(limit), 0.0, np.clip(gaps, -limit, limit) / limit)
    mean, square = np.cumsum(bets) / days, np.cumsum(bets**2) / days
    share = np.clip(mean / (square + 1e-12), 0, 0.5)
    return np.cumsum(np.log1p(np.concatenate([[0.0], share[:-1]]) * bets))


def short_samples(samples: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield how often tests reject at 5 %, 1 % and 0.33 % where nothing differs, by days."""
    levels = np.array([0.05, 0.01, 0.0033])
    for days in (60, 120, 250, BLOCK):
        draws = np.random.default_rng(days)
        p = np.empty((3, samples))
        for sample in range(samples):
            champion, challengers = squared_errors(draws, Rivals(0.97), days + WARM_UP, 1)
            gaps = (champion - challengers[0])[WARM_UP:]
            p[:, sample] = p_values(gaps[None])[0], bartlett_p(gaps), bootstrap_p(gaps, sample)
        names = ("long-run rule", "Harvey-Leybourne-Newbold", "stationary bootstrap")
        shares = (p[:, :, None] < levels).mean(axis=1)
        yield f"{days} days", dict(zip(names, shares.round(4).tolist(), strict=True))


def bartlett_p(gaps: np.ndarray) -> float:
    """Return the p-value of Diebold-Mariano by Bartlett's window with the correction for n.

    Harvey, Leybourne & Newbold (1997), International Journal of Forecasting 13(2), 281-291.
    """
    n, lags = len(gaps), int(len(gaps) ** (1 / 3)) + 1
    centred = gaps - gaps.mean()
    variance = np.mean(centred**2) + 2 * sum(
        (1 - lag / lags) * np.sum(centred[lag:] * centred[:-lag]) / n for lag in range(1, lags)
    )
    correction = np.sqrt((n + 1 - 2 * lags + lags * (lags - 1) / n) / n)
    return float(stdtr(n - 1, -gaps.mean() / np.sqrt(variance / n) * correction))


def bootstrap_p(gaps: np.ndarray, seed: int) -> float:
    """Return the p-value of the mean gap by the stationary bootstrap."""
    days = stationary_samples(len(gaps), 1000, block_length(gaps[:, None]), seed)
    return float(np.mean(gaps[days].mean(axis=1) - gaps.mean() >= gaps.mean()))
