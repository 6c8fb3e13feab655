"""What a source's newest answer adds to the bars as known: bars, restatements, rescalings."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool

from lstm_model.data.bars import PRICES, Finding
from lstm_model.data.cleaning.record import Record, day
from lstm_model.data.revisions.known import COLUMNS, LEARNT, KnownBars, Rescaling
from lstm_model.data.revisions.rescaling import Rounding, find_rescalings, round_off
from lstm_model.errors import BarsError

MOST_RESTATED_SHARE = 0.2
MOST_STEPS_SHARE = 0.05
FEW = 5
"""More restated bars or steps than these, and than five, are another series, not a revision."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The bars as known after an answer, and what was new in it.

    findings: restatement, dividend_rewrite, late_values and short_answer, all noted.
    added: bars of new dates. learnt: whether there is anything new.
    rewrites_history: whether a price of a known bar changed.
    """

    known: KnownBars
    findings: tuple[Finding, ...]
    added: int
    learnt: bool
    rewrites_history: bool


def begin(
    answer: pd.DataFrame, ticker: str, learnt: dt.datetime, start: dt.date | None
) -> KnownBars:
    """Return the first bars known of a ticker; `answer` is tidy: dates ascend, numbers are numbers.

    start: date from which the source was asked.
    """
    if answer.empty:
        raise BarsError(f"{ticker}: at least one bar is required but the source has none")
    return KnownBars(_rows(_columns(answer), learnt), learnt, (), start)


def learn(
    known: KnownBars,
    answer: pd.DataFrame,
    ticker: str,
    learnt: dt.datetime,
    start: dt.date | None,
    asked: tuple[dt.date | None, dt.date | None],
) -> Lesson:
    """Compare an answer with what is known, and add what is new.

    answer: tidy raw bars. learnt: time of the answer, after all before. start: earliest date asked
    for until now. asked: first and last date of this answer's request. A null in the answer erases
    nothing, and a bar that the answer lacks stays. Raises BarsError (`another_series`) if too many
    bars differ by no common factor.
    """
    record = Record(ticker)
    answer = _columns(answer)
    dates = known.rows["date"].drop_duplicates()
    both = dates[dates.isin(answer["date"])]
    new = _on(both, answer)
    printed = _on(both, known.printed())
    roundings = round_off(printed, new)
    rescalings = find_rescalings(_on(both, known.as_of()), new, roundings, learnt)
    rescaled = replace(known, rescalings=known.rescalings + rescalings)
    expected = _on(both, rescaled.as_of())
    differs = _differences(printed, expected, new, roundings, rescaled.rescalings)
    _require_same_series(differs, new["date"], rescalings, record)
    changed = _note_changes(expected, new, differs, record)
    _note_rescalings(rescalings, record)
    _note_missing(dates, answer["date"], asked, record)
    added = answer[~answer["date"].isin(dates)]
    revised = _revised(expected, new, differs)[changed]
    parts = [part for part in (revised, added) if len(part)]
    rows = known.rows
    if parts:
        fresh = _rows(pd.concat(parts, ignore_index=True), learnt)
        rows = pd.concat([rows, fresh], ignore_index=True)
        rows = rows.sort_values(["date", LEARNT], kind="stable", ignore_index=True)
        rows = rows[["date", LEARNT, *(name for name in COLUMNS if name in rows)]]
    prices = [name for name in differs if name in (*PRICES, "dividends", "stock_splits")]
    rewrites = bool(rescalings) or any(
        (differs[name] & expected[name].notna().to_numpy()).any() for name in prices
    )
    asked_from = None if known.asked_from is None or start is None else min(known.asked_from, start)
    is_new = bool(parts or rescalings)
    newest = learnt if is_new else known.last_learnt
    return Lesson(
        KnownBars(rows, newest, rescaled.rescalings, asked_from),
        record.summary(),
        len(added),
        is_new,
        rewrites,
    )


def _columns(answer: pd.DataFrame) -> pd.DataFrame:
    return answer[["date", *(name for name in COLUMNS if name in answer)]].reset_index(drop=True)


def _on(dates: "pd.Series[pd.Timestamp]", frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["date"].isin(dates)].reset_index(drop=True)


def _rows(frame: pd.DataFrame, learnt: dt.datetime) -> pd.DataFrame:
    rows = frame.copy()
    rows.insert(1, LEARNT, pd.Series(learnt, index=rows.index, dtype="datetime64[us]"))
    return rows


def _differences(
    printed: pd.DataFrame,
    expected: pd.DataFrame,
    new: pd.DataFrame,
    roundings: dict[str, Rounding],
    rescalings: tuple[Rescaling, ...],
) -> dict[str, Bool[np.ndarray, " row"]]:
    """Return for each column where the answer says something else than is known."""
    divided = any(name == "volume" for r in rescalings for name, _ in r.factors)
    differs = {}
    for name in (column for column in COLUMNS if column in new):
        now = new[name].to_numpy()
        if name not in expected:
            differs[name] = np.isfinite(now)
            continue
        was, rounding = expected[name].to_numpy(), roundings[name]
        # A rescaled price has more digits than the source printed, but is not known more finely.
        rescaled = was != printed[name].to_numpy()
        share = np.where(rescaled, rounding.of_ratio, rounding.of_difference)
        if name in ("dividends", "stock_splits"):
            now, was = np.nan_to_num(now), np.nan_to_num(was)
        allowed = share * np.abs(now)
        if name == "volume" and divided:
            allowed = allowed + 1 + 1e-4 * np.abs(now)  # vendors round the volumes they divide
        elif name == "volume":
            allowed = np.full(len(now), 0.5)
        filled = np.isfinite(now) & ~np.isfinite(was)
        differs[name] = filled | (np.abs(now - was) > allowed)
    return differs


def _require_same_series(
    differs: dict[str, Bool[np.ndarray, " row"]],
    dates: "pd.Series[pd.Timestamp]",
    rescalings: tuple[Rescaling, ...],
    record: Record,
) -> None:
    count, wrong = len(dates), differs.get("close", np.zeros(len(dates), dtype=bool))
    too_many = max(FEW, MOST_RESTATED_SHARE * count)
    if wrong.sum() > too_many or len(rescalings) > max(FEW, MOST_STEPS_SHARE * count):
        first = dates[wrong].iloc[0] if wrong.any() else dates.iloc[0]
        value = (
            f"{int(wrong.sum())} of {count} closes are not those that are stored, by no common "
            f"factor"
        )
        raise record.refusal(
            "another_series", first, value,
            f"correct the source, or, if it replaced the series, drop what is stored with "
            f"lstm-hpo data prune --ticker {record.ticker}",
        )  # fmt: skip


def _note_changes(
    expected: pd.DataFrame,
    new: pd.DataFrame,
    differs: dict[str, Bool[np.ndarray, " row"]],
    record: Record,
) -> Bool[np.ndarray, " row"]:
    """Note each bar that was corrected, and once the values that came late; return their rows."""
    changed = np.zeros(len(new), dtype=bool)
    late = np.zeros(len(new), dtype=bool)
    for row in np.flatnonzero(np.any([*differs.values(), changed], axis=0)):
        changed[row] = True
        parts = []
        for name in (name for name in differs if differs[name][row]):
            was = expected[name].iloc[row] if name in expected else np.nan
            if name == "volume" or not np.isfinite(was):
                late[row] = True
            else:
                parts.append(f"{name} {new[name].iloc[row]:.10g}, was {was:.10g}")
        if parts:
            record.noted("restatement", new["date"].iloc[row], "; ".join(parts))
            late[row] = False
    if late.any():
        dates = new["date"][late]
        value = f"{len(dates)} bars to {day(dates.iloc[-1])} got a volume or a price later"
        record.noted("late_values", dates.iloc[0], value)
    return changed


def _revised(
    expected: pd.DataFrame, new: pd.DataFrame, differs: dict[str, Bool[np.ndarray, " row"]]
) -> pd.DataFrame:
    """Return the known bars with the answer's value where it differs."""
    revised = {"date": new["date"]}
    for name in (column for column in COLUMNS if column in expected or column in new):
        if name not in expected:
            revised[name] = new[name]
        elif name in differs:
            revised[name] = expected[name].where(~differs[name], new[name])
        else:
            revised[name] = expected[name]
    return pd.DataFrame(revised)


def _note_rescalings(rescalings: tuple[Rescaling, ...], record: Record) -> None:
    """Note the rescalings of one answer as one event."""
    if not rescalings:
        return
    newest = max(rescalings, key=lambda rescaling: rescaling.before)
    told = ", ".join(f"{name} by {factor:.6g}" for name, factor in newest.factors)
    value = f"the source multiplied all bars before it: {told}"
    if len(rescalings) > 1:
        value += f", and in {len(rescalings) - 1} more steps"
    record.noted("dividend_rewrite", pd.Timestamp(newest.before), value)


def _note_missing(
    known: "pd.Series[pd.Timestamp]",
    answered: "pd.Series[pd.Timestamp]",
    asked: tuple[dt.date | None, dt.date | None],
    record: Record,
) -> None:
    """Note known bars that the answer should have but has not; they stay."""
    first, last = (pd.Timestamp(date) if date else None for date in asked)
    span = known[(known >= (first or known.min())) & (known <= (last or known.max()))]
    missing = span[~span.isin(answered)]
    if len(missing):
        value = (
            f"{len(missing)} stored bars to {day(missing.iloc[-1])} are not in the source's answer "
            f"and stay; lstm-hpo data prune --ticker {record.ticker} drops what is stored"
        )
        record.noted("short_answer", missing.iloc[0], value)
