"""One ticker's bars, brought up to date: ask for what is new, learn it, and make bars of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lstm_model.config.pipeline import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.cleaning import TidyBars, tidy_bars
from lstm_model.data.revisions.known import KnownBars
from lstm_model.data.revisions.learning import begin, learn
from lstm_model.errors import StorageError
from tasks.data.clean import rules_now
from tasks.data.sources import BarSource
from tasks.data.store.bars_file import Recipe, open_bars_file, write_bars
from tasks.data.store.folder import Store
from tasks.data.store.known_file import KnownFile, open_known, write_known

OVERLAP_SESSIONS = 30
"""Known bars that are asked for again, in which rescalings and corrections show."""


@dataclass(frozen=True, slots=True)
class TickerBars:
    """One ticker's bars in a snapshot.

    learnt: ISO time of the newest revision that counts. bars_sha256: hash of the bars' values.
    findings: what the source, the comparison with what was known, and the cleaning found.
    """

    ticker: str
    learnt: str
    bars_sha256: str
    rows: int
    first: str
    last: str
    findings: tuple[Finding, ...]


def refresh_ticker(
    store: Store, data: DataConfig, source: BarSource, ticker: str, now: dt.datetime | None = None
) -> TickerBars:
    """Ask the source for a ticker's new bars and store them; return the bars that result.

    A source that can be asked for a part gets one request, for 30 known sessions and all later
    ones; if a price among these changed, it is asked for everything again. Nothing is stored if the
    bars are refused. now: time of the answer, in UTC. Raises what the source and the cleaning
    raise, and StorageError.
    """
    folder = store.folder_of(data.source, ticker)
    now = now or dt.datetime.now(dt.UTC).replace(tzinfo=None)
    file = open_known(folder)
    answer, asked = _ask(source, data, ticker, file)
    if (
        asked != data.start
        and file is not None
        and _is_rewritten(file, answer, ticker, asked, data)
    ):
        answer, asked = _ask(source, data, ticker, None)
    rules = rules_now(data)
    with store.writing():
        file = open_known(folder)
        known, findings, is_new = _learn(file, answer, ticker, now, asked, data)
        timeless = replace(rules, today=None)
        recipe = Recipe(data.source, ticker, known.last_learnt, data.start, data.end, timeless)
        stored = None if is_new else open_bars_file(folder, recipe)
        if stored is not None:
            found = stored.facts
        else:
            whole = known if is_new or file is None else file.whole()
            bars = recipe.make(whole, rules.today)  # first, so that refused bars are not stored
            if is_new:
                write_known(folder, known, data.source, ticker)
            found = write_bars(folder, recipe, bars)
    told = (*answer.findings, *findings, *found.findings)
    return TickerBars(
        ticker,
        known.last_learnt.isoformat(),
        found.sha256,
        found.rows,
        found.first,
        found.last,
        told,
    )


def read_refreshed(store: Store, data: DataConfig, part: TickerBars) -> pd.DataFrame:
    """Read the bars that `refresh_ticker` has just stored."""
    learnt = dt.datetime.fromisoformat(part.learnt)
    rules = replace(rules_now(data), today=None)
    recipe = Recipe(data.source, part.ticker, learnt, data.start, data.end, rules)
    stored = open_bars_file(store.folder_of(data.source, part.ticker), recipe)
    if stored is None:
        raise StorageError(
            f"the bars of {part.ticker} must be in {store.root} but are not; fetch again"
        )
    return stored.frame()


def _ask(
    source: BarSource, data: DataConfig, ticker: str, file: KnownFile | None
) -> tuple[TidyBars, dt.date | None]:
    """Ask for the whole span, or for its newest part; return the answer and its first date."""
    start = data.start
    if file is not None and source.incremental:
        known = file.tail()
        dates = known.rows["date"].drop_duplicates()
        if data.end is not None:
            dates = dates[dates <= str(data.end)]
        if known.covers(start) and len(dates) >= OVERLAP_SESSIONS:
            first = dates.iloc[-OVERLAP_SESSIONS].date()
            start = first if start is None else max(start, first)
    told = len(source.findings)
    tidy = tidy_bars(source.fetch(ticker, start, data.end), ticker)
    return TidyBars(tidy.frame, (*source.findings[told:], *tidy.findings)), start


def _is_rewritten(
    file: KnownFile, answer: TidyBars, ticker: str, asked: dt.date | None, data: DataConfig
) -> bool:
    known = file.tail()
    return learn(
        known, answer.frame, ticker, _later(known), known.asked_from, (asked, data.end)
    ).rewrites_history


def _learn(
    file: KnownFile | None,
    answer: TidyBars,
    ticker: str,
    now: dt.datetime,
    asked: dt.date | None,
    data: DataConfig,
) -> tuple[KnownBars, Sequence[Finding], bool]:
    """Return the bars as known with the answer, the findings, and whether anything is new."""
    if file is None:
        return begin(answer.frame, ticker, now, asked), (), True
    span = (asked, data.end)
    known = file.tail()
    start = data.start if asked == data.start else known.asked_from
    first = known.rows["date"].iloc[0]
    if not answer.frame.empty and answer.frame["date"].iloc[0] >= first:
        lesson = learn(known, answer.frame, ticker, max(now, _later(known)), start, span)
        if not lesson.learnt and lesson.known.asked_from == known.asked_from:
            return known, lesson.findings, False
    known = file.whole()
    lesson = learn(known, answer.frame, ticker, max(now, _later(known)), start, span)
    is_new = lesson.learnt or lesson.known.asked_from != known.asked_from
    return (lesson.known if is_new else known), lesson.findings, is_new


def _later(known: KnownBars) -> dt.datetime:
    """Return a time after all that is known, even if the clock was set back."""
    return known.last_learnt + dt.timedelta(microseconds=1)
