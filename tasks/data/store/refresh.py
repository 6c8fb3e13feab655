"""One ticker's bars, brought up to date: ask for what is new, learn it, and make bars of it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from lstm_model.data.cleaning import CleaningRules, TidyBars, tidy_bars
from lstm_model.data.revisions.known import KnownBars
from lstm_model.data.revisions.learning import begin, learn
from lstm_model.errors import StorageError
from tasks.data.clean import rules_now
from tasks.data.sources import BarSource
from tasks.data.sources.patience import fetch_patiently
from tasks.data.store.bars_file import BarsFacts, Recipe, open_bars_file, write_bars
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
    rules = rules_now(data)
    file = open_known(folder)
    tail = file.tail() if file is not None and source.incremental else None
    answer, asked = _ask(source, data, ticker, tail, rules)
    if tail is not None and asked != data.start:
        if _is_known(tail, answer):
            recipe = _recipe(data, ticker, tail.last_learnt, rules)
            stored = open_bars_file(folder, recipe)
            if stored is not None:
                return _listed(recipe, stored.facts, answer.findings)
        elif _is_rewritten(tail, answer, ticker, asked, data):
            answer, asked = _ask(source, data, ticker, None, rules)
    with store.writing():
        file = open_known(folder)
        known, findings, is_new = _learn(file, answer, ticker, now, asked, data)
        recipe = _recipe(data, ticker, known.last_learnt, rules)
        stored = None if is_new else open_bars_file(folder, recipe)
        if stored is not None:
            facts = stored.facts
        else:
            bars = recipe.make(known)  # first, so that refused bars are not stored
            if is_new:
                write_known(folder, known, data.source, ticker)
            facts = write_bars(folder, recipe, bars)
    return _listed(recipe, facts, (*answer.findings, *findings))


def read_refreshed(store: Store, data: DataConfig, part: TickerBars) -> pd.DataFrame:
    """Read the bars that `refresh_ticker` has just stored."""
    recipe = _recipe(data, part.ticker, dt.datetime.fromisoformat(part.learnt), rules_now(data))
    stored = open_bars_file(store.folder_of(data.source, part.ticker), recipe)
    if stored is None:
        raise StorageError(
            f"the bars of {part.ticker} must be in {store.root} but are not; fetch again"
        )
    return stored.frame()


def _recipe(data: DataConfig, ticker: str, learnt: dt.datetime, rules: CleaningRules) -> Recipe:
    timeless = replace(rules, now=None)
    return Recipe(data.source, ticker, learnt, data.start, data.end, timeless)


def _listed(recipe: Recipe, facts: BarsFacts, findings: Sequence[Finding]) -> TickerBars:
    return TickerBars(
        recipe.ticker,
        recipe.learnt.isoformat(),
        facts.sha256,
        facts.rows,
        facts.first,
        facts.last,
        (*findings, *facts.findings),
    )


def _ask(
    source: BarSource,
    data: DataConfig,
    ticker: str,
    tail: KnownBars | None,
    rules: CleaningRules,
) -> tuple[TidyBars, dt.date | None]:
    """Ask for the whole span, or for its newest part; return the answer and its first date."""
    start = data.start
    if tail is not None and tail.covers(start):
        dates = tail.rows["date"].drop_duplicates()
        if data.end is not None:
            dates = dates[dates <= str(data.end)]
        if len(dates) >= OVERLAP_SESSIONS:
            first = dates.iloc[-OVERLAP_SESSIONS].date()
            start = first if start is None else max(start, first)
    told = len(source.findings)
    raw = fetch_patiently(source, ticker, start, data.end)
    tidy = tidy_bars(raw, ticker, rules)
    return TidyBars(tidy.frame, (*source.findings[told:], *tidy.findings)), start


def _is_known(tail: KnownBars, answer: TidyBars) -> bool:
    """Return whether an answer is, to the bit, the newest bars that are known."""
    known = tail.as_of().tail(len(answer.frame)).reset_index(drop=True)
    return known.equals(answer.frame.reindex(columns=known.columns))


def _is_rewritten(
    tail: KnownBars, answer: TidyBars, ticker: str, asked: dt.date | None, data: DataConfig
) -> bool:
    span = (asked, data.end)
    lesson = learn(tail, answer.frame, ticker, _later(tail), tail.asked_from, span)
    return lesson.rewrites_history


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
    known = file.whole()
    start = data.start if asked == data.start else known.asked_from
    span = (asked, data.end)
    lesson = learn(known, answer.frame, ticker, max(now, _later(known)), start, span)
    is_new = lesson.learnt or lesson.known.asked_from != known.asked_from
    return (lesson.known if is_new else known), lesson.findings, is_new


def _later(known: KnownBars) -> dt.datetime:
    """Return a time after all that is known, even if the clock was set back."""
    return known.last_learnt + dt.timedelta(microseconds=1)
