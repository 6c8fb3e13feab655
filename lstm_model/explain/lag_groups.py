"""Groups of a window's bars by their distance from its end: a day, a week, a month, older."""

from dataclasses import dataclass

OLDEST = (("last bar", 1), ("bars 2-{}", 5), ("bars 6-{}", 22))
"""Names of the groups and their oldest bars, as HAR has them: a day, a week and a month."""

MOST_SINGLE = 10
"""Bars of the longest window whose bars stand alone."""


@dataclass(frozen=True, slots=True)
class LagGroup:
    """Bars of a window by their lag; 1 is the last bar. Both ends are included."""

    name: str
    newest: int
    oldest: int


def lag_groups(length: int) -> tuple[LagGroup, ...]:
    """Return the groups of a window of `length` bars, the newest first; none is empty."""
    groups, newest = [], 1
    for name, oldest in OLDEST:
        if newest <= length:
            last = min(oldest, length)
            shown = name.format(last) if last > newest or newest == 1 else f"bar {last}"
            groups.append(LagGroup(shown, newest, last))
            newest = oldest + 1
    if newest <= length:
        groups.append(LagGroup("older bars", newest, length))
    return tuple(groups)


def single_lags(length: int) -> tuple[LagGroup, ...]:
    """Return each bar of a short window by itself, and the groups of a long one."""
    if length > MOST_SINGLE:
        return lag_groups(length)
    others = (LagGroup(f"bar {lag}", lag, lag) for lag in range(2, length + 1))
    return (LagGroup("last bar", 1, 1), *others)
