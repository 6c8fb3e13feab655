"""The four prices of one bar against each other."""

import numpy as np
import pandas as pd

from lstm_model.data.bars import PRICES
from lstm_model.data.cleaning.missing import drop_rows
from lstm_model.data.cleaning.ordinary import usual_range, volume_surge
from lstm_model.data.cleaning.record import Record
from lstm_model.data.cleaning.rules import CleaningRules

ROUNDING = 1e-6
"""Relative distance between two prices that is rounding in the source, not a defect."""

WIDENED = np.log(1.05)
"""Log distance up to which a close outside low..high widens the range; beyond, a price is wrong."""

STEADY_WIDENED = np.log(1.1)
"""The same for a close within 5 % of the last one: the range is the wrong one."""

WICK = np.log(1.09)
WICK_RANGES = 3.0
"""A high or low this far from open and close, and this many usual ranges, is noted."""

REAL_WICK = np.log(2.0)
QUIET_WICK, QUIET_WICK_RANGES = np.log(1.25), 15.0
"""A high or low beyond the first, or with no more than 1.5 times the usual volume beyond both of
the others, is wrong: in a flash crash many shares change hands.
"""

UNITS = (10.0, 100.0, 1000.0)


def check_ranges(frame: pd.DataFrame, rules: CleaningRules, record: Record) -> pd.DataFrame:
    """Return bars with low <= open, close <= high; raises BarsError if too many needed a repair.

    An open just outside is moved to the nearer end, because nothing reads it. A close up to 5 %
    outside, or 10 % if it is near the last close, widens the range. Beyond that the price that is
    farthest from the others and the last close is wrong: it is scaled if it is off by 10, 100 or
    1000; otherwise an open becomes the last close, a high or low the nearer of open and close, and
    a bar with a wrong close is dropped. A high or low at over twice, or 25 % and 15 usual ranges,
    from open and close is wrong too, unless volume rose; a nearer one is noted.
    """
    repair = _Repair(frame, record)
    for row in np.flatnonzero(repair.suspect()):
        repair.bar(int(row))
    if repair.limited:
        rows = repair.limited
        record.require_few(
            len(rows), len(frame), "range_violation", frame["date"].iloc[rows[0]],
            rules.max_outside_range,
            "use another source, or raise data.max_outside_range if its closes are right",
        )  # fmt: skip
    dropped = np.isin(np.arange(len(frame)), repair.dropped)
    if dropped.any():
        record.require_few(
            int(dropped.sum()), len(frame), "price_outlier", frame["date"][dropped].iloc[0]
        )
    frame = frame.assign(**{price: repair.prices[price] for price in PRICES})
    frame = drop_rows(frame, dropped, record)
    lowest, highest = frame[list(PRICES)].min(axis=1), frame[list(PRICES)].max(axis=1)
    return frame.assign(low=lowest, high=highest)


class _Repair:
    """The bars of one ticker while their prices are compared."""

    def __init__(self, frame: pd.DataFrame, record: Record) -> None:
        self.record = record
        self.dates = frame["date"]
        self.prices = {price: frame[price].to_numpy(copy=True) for price in PRICES}
        self.usual = usual_range(frame)
        self.surge = volume_surge(frame)
        self.limited: list[int] = []
        self.dropped: list[int] = []
        self.before = float(frame["close"].iloc[0])

    def suspect(self) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Return the bars to look at: outside of the range, or far from open and close."""
        opened, high, low, close = (self.prices[price] for price in PRICES)
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        outside = (low > bottom * (1 + ROUNDING)) | (high < top * (1 - ROUNDING))
        wick = np.log(np.maximum(high / top, bottom / low))
        suspect: np.ndarray[tuple[int], np.dtype[np.bool_]] = outside | (
            wick > np.maximum(WICK, WICK_RANGES * self.usual)
        )
        return suspect

    def bar(self, row: int) -> None:
        """Repair or note one bar."""
        bar = {price: float(self.prices[price][row]) for price in PRICES}
        date = self.dates.iloc[row]
        text = ", ".join(f"{price} {value:g}" for price, value in bar.items())
        self.before = self._close_before(row)
        gap = _outside(bar)
        steady = abs(np.log(bar["close"] / self.before)) <= WIDENED
        if gap <= WIDENED or (steady and gap <= STEADY_WIDENED):
            self._near(row, bar, text, gap)
            return
        wrong = self._wrong_price(bar)
        if wrong is None or (wrong == "close" and not self._scale(bar, wrong)):
            self.dropped.append(row)
            self.record.repaired("price_outlier", date, f"{text}: bar dropped")
            return
        if wrong != "open":
            self.limited.append(row)
        if wrong != "close" and not self._scale(bar, wrong):
            rest = [value for price, value in bar.items() if price != wrong]
            if wrong == "open":
                bar["open"] = float(np.clip(self.before, bar["low"], bar["high"]))
            else:
                bar[wrong] = max(rest) if wrong == "high" else min(rest)
        self._set(row, bar)
        self.record.repaired("price_outlier", date, f"{text}: {wrong} set to {bar[wrong]:g}")

    def _near(self, row: int, bar: dict[str, float], text: str, gap: float) -> None:
        date = self.dates.iloc[row]
        if gap > ROUNDING:
            without_open = {price: value for price, value in bar.items() if price != "open"}
            if _outside(without_open) <= ROUNDING:
                bar["open"] = float(np.clip(bar["open"], bar["low"], bar["high"]))
                self._set(row, bar)
                value = f"open moved into {bar['low']:g}..{bar['high']:g}"
                self.record.repaired("open_outside_range", date, f"{text}: {value}")
            else:
                self.limited.append(row)
                value = f"close {bar['close']:g} outside {bar['low']:g}..{bar['high']:g}"
                self.record.repaired("range_violation", date, value)
            return
        body = {"high": max(bar["open"], bar["close"]), "low": min(bar["open"], bar["close"])}
        wrong = max(body, key=lambda price: abs(np.log(bar[price] / body[price])))
        wick = abs(np.log(bar[wrong] / body[wrong]))
        usual_volume = self.surge[row] != 1.0 and self.surge[row] <= 1.5
        far = wick > max(QUIET_WICK, QUIET_WICK_RANGES * self.usual[row])
        traded = self.surge[row] >= 5 and wick < np.log(5.0)
        if (wick <= REAL_WICK or traded) and not (far and usual_volume):
            self.record.noted("long_wick", date, f"{text}: {wrong} is far from open and close")
            return
        self.limited.append(row)
        if not self._scale(bar, wrong):
            bar[wrong] = body[wrong]
        self._set(row, bar)
        self.record.repaired("price_outlier", date, f"{text}: {wrong} set to {bar[wrong]:g}")

    def _wrong_price(self, bar: dict[str, float]) -> str | None:
        """Return the price without which the others fit; None if there is none."""
        centre = float(np.median([*bar.values(), self.before]))
        by_distance = sorted(bar, key=lambda price: -abs(np.log(bar[price] / centre)))
        for wrong in by_distance[:2]:
            rest = {price: value for price, value in bar.items() if price != wrong}
            if _outside(rest) <= WIDENED:
                return wrong
        return None

    def _scale(self, bar: dict[str, float], wrong: str) -> bool:
        """Scale the wrong price by a unit if it then fits the other three."""
        rest = [value for price, value in bar.items() if price != wrong]
        # A high or low may lie a little beyond the others; an open or close may not.
        slack = 1.0 + ROUNDING if wrong in ("open", "close") else 1.1
        for unit in (*UNITS, *(1 / unit for unit in UNITS)):
            scaled = bar[wrong] * unit
            if min(rest) / slack <= scaled <= max(rest) * slack:
                candidate = bar | {wrong: scaled}
                if _outside(candidate) <= ROUNDING:
                    bar[wrong] = scaled
                    return True
        return False

    def _close_before(self, row: int) -> float:
        for earlier in range(row - 1, -1, -1):
            if earlier not in self.dropped:
                return float(self.prices["close"][earlier])
        return self.before

    def _set(self, row: int, bar: dict[str, float]) -> None:
        for price, value in bar.items():
            self.prices[price][row] = value


def _outside(bar: dict[str, float]) -> float:
    """Return the log distance by which open or close, or low above high, leaves the range."""
    body = [bar[price] for price in ("open", "close") if price in bar]
    high, low = bar.get("high"), bar.get("low")
    distance = 0.0
    if high is not None:
        distance = max(distance, *(np.log(value / high) for value in body))
    if low is not None:
        distance = max(distance, *(np.log(low / value) for value in body))
    if high is not None and low is not None:
        distance = max(distance, np.log(low / high))
    return float(distance)
