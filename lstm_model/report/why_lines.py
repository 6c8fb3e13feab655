"""Why a forecast is what it is: lines for a terminal, and values for JSON."""

import math

from lstm_model.data.targets import TargetKind
from lstm_model.explain.integrated_gradients import Attribution

MOST_FEATURES = 5
"""Features that are told one by one; JSON has all."""

MOST_MISSED = 0.01
"""What the parts may miss unsaid, as a share of what they add up to."""

BASIS_POINTS = 1e4


def why_lines(why: Attribution, target: TargetKind) -> tuple[str, ...]:
    """Return the parts of a forecast, which add up to it, and where in the window they come from.

    A return's parts are in basis points, those of a log variance in its own unit, with what each
    does to volatility.
    """
    features = why.by_feature()
    told, left = features[:MOST_FEATURES], features[MOST_FEATURES:]
    unit = "basis points" if target == "log_return" else "log variance of a session's range"
    lines = [f"why, in {unit}; the parts add up to the forecast of {_plain(why.forecast, target)}:"]
    if why.har is not None:
        lines.append(
            f"  HAR's forecast {_plain(why.har, target)}, the network adds "
            f"{_signed(why.network, target)}, of which:"
        )
    rows = [(_signed(why.baseline, target) if why.har is not None else _plain(why.baseline, target),
             "if every feature were as usual in train")]  # fmt: skip
    rows += [(_signed(value, target), f"{name}{_effect(value, target)}") for name, value in told]
    if left:
        rest = math.fsum(value for _, value in left)
        rows.append((_signed(rest, target), f"the other {len(left)} features"))
    if abs(why.gap) > MOST_MISSED * abs(why.network - why.baseline):
        rows.append((_signed(why.gap, target), "not explained: the network is too steep here"))
    lines += [f"  {value:>9}  {what}" for value, what in rows]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in why.lag_shares())
    return (*lines, f"  by bar, of the sizes of all contributions: {shares}")


def why_json(why: Attribution) -> dict[str, object]:
    """Return all parts in the target's unit: har + baseline + features + gap = forecast."""
    return {
        "har": why.har,
        "network": why.network,
        "baseline": why.baseline,
        "features": dict(why.by_feature()),
        "lag_shares": dict(why.lag_shares()),
        "gap": why.gap,
    }


def _plain(value: float, target: TargetKind) -> str:
    return f"{BASIS_POINTS * value:.2f}" if target == "log_return" else f"{value:.4f}"


def _signed(value: float, target: TargetKind) -> str:
    return f"{BASIS_POINTS * value:+.2f}" if target == "log_return" else f"{value:+.4f}"


def _effect(value: float, target: TargetKind) -> str:
    if target == "log_return":
        return ""
    return f" (volatility {math.expm1(value / 2):+.1%})"
