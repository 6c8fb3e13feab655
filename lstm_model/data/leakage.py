"""The leak audit: past numbers must not change when the future does; each check is one row.

It sees everything that a column computes from the bars it gets. It cannot see what a user's
function reads from elsewhere, or a look-ahead that is already in the bars.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from lstm_model.data.bars import Bars
from lstm_model.data.beside import ALONE, Beside, have_begun
from lstm_model.data.calendar import date_of, day_of
from lstm_model.data.changed_bars import (
    LastDays,
    late_starts,
    lift_after,
    narrow_after,
    only,
    sink_after,
    take_tickers,
    until,
    widen_after,
    without_head,
)
from lstm_model.data.features import WARM_UP_BARS, FeatureTable
from lstm_model.data.scaling import Scaler, rows_covered
from lstm_model.data.views import ChronoSplit, SearchView
from lstm_model.data.windows import with_sequence_length
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams

TOLERANCE = 1e-9
START_TOLERANCE = 3e-6
"""Tolerance for recursive columns of the user, which depend a little on where history starts.

After 250 bars an EMA over 26 retains 1e-9, Wilder's RSI 3e-8 and ADX 1e-6 of its start; an EMA over
50, which looks further back, 2e-5. Built-in columns retain nothing and are equal to 1e-9.
"""

CUTS = 24
MAX_TICKERS = 4
"""Tickers for which features are recomputed; all tickers use the same code."""

ComputeFeatures = Callable[[Bars], FeatureTable]
Variant = Callable[[Bars, int, LastDays], Bars]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One check of the audit: what was checked, what was found, and whether it passed."""

    check: str
    passed: bool
    found: str


def audit_features(
    compute: ComputeFeatures, bars: Bars, boundaries: Sequence[dt.date], beside: Beside = ALONE
) -> list[AuditRow]:
    """Recompute features without the future, with altered futures, and without the distant past.

    Each row names the columns that change. The cuts are the last sessions before the boundaries,
    and others spread over the history; a ticker counts at a cut if it is past its warm-up.
    Exogenous series are cut and altered too, after the last of their sessions that had closed by
    then, so a join that looks ahead by a time zone is found.
    """
    some = take_tickers(bars, MAX_TICKERS, beside.series)
    whole = compute(some)
    cuts = _cuts(whole, boundaries)
    changes = (lift_after, sink_after, widen_after, narrow_after)
    return [
        _recompute(
            "features are the same when they are computed again",
            (lambda bars, _, __: bars,), compute, some, whole, cuts[-1:], beside,
        ),
        _recompute("features on truncated history", (until,), compute, some, whole, cuts, beside),
        _recompute("features when later bars change", changes, compute, some, whole, cuts, beside),
        _start_later(compute, some, whole, beside),
    ]  # fmt: skip


def _recompute(
    check: str,
    variants: Sequence[Variant],
    compute: ComputeFeatures,
    bars: Bars,
    whole: FeatureTable,
    cuts: Sequence[int],
    beside: Beside,
) -> AuditRow:
    """Recompute features on variants of the bars, and compare them up to each cut.

    check: name of the row. variants: how later bars are altered. compute: the features' function.
    bars: of the tickers that are checked. whole: features on all bars. cuts: days since 1970-01-01.
    beside: the exogenous tickers among the bars.
    """
    guilty: dict[str, int] = {}
    try:
        for cut in cuts:
            for known in beside.groups(_warm_tickers(whole, cut)):
                last_days = beside.last_days(known[0], cut) if known else {}
                if not known or not have_begun(bars, last_days):
                    continue
                part = only(bars, {*known, *last_days})
                for variant in variants:
                    other = compute(variant(part, cut, last_days))
                    for name in _changed_columns(whole, other, known, cut):
                        guilty.setdefault(name, cut)
    except ConfigError as error:
        return AuditRow(check, False, str(error))
    found = ", ".join(f"{name} changes at {date_of(cut)}" for name, cut in guilty.items())
    where = f"{len(cuts)} dates from {date_of(cuts[0])} to " if len(cuts) > 1 else ""
    unchanged = (
        f"{len(whole.names)} columns of {', '.join(whole.tickers)} unchanged at "
        f"{where}{date_of(cuts[-1])}"
    )
    return AuditRow(check, not guilty, found or unchanged)


def _start_later(
    compute: ComputeFeatures, bars: Bars, whole: FeatureTable, beside: Beside
) -> AuditRow:
    """Drop the start of each history: past the warm-up a value must depend on the last bars only.

    A model learns from a long history, and forecasts from a short one.
    """
    check = f"features past {WARM_UP_BARS} bars, when history starts later"
    guilty: dict[str, str] = {}
    starts = 0
    try:
        for code, ticker in enumerate(whole.tickers):
            rows = whole.ticker_of_row == code
            own, days = whole.values[rows], whole.dates[rows]
            for start in late_starts(len(own)):
                later = compute(without_head(bars, ticker, start, beside.series)).values
                later = later[WARM_UP_BARS:]
                begun = f"on {ticker} when history starts at {date_of(days[start])}"
                for name, row, values in _moved_columns(
                    whole.names, own[start + WARM_UP_BARS :], later
                ):
                    day = date_of(days[start + WARM_UP_BARS + row])
                    guilty.setdefault(name, f"{values} at {day} {begun}")
                starts += 1
    except ConfigError as error:
        return AuditRow(check, False, str(error))
    found = ", ".join(
        f"{name} depends on more than the last {WARM_UP_BARS} bars ({change})"
        for name, change in guilty.items()
    )
    unchanged = f"{len(whole.names)} columns unchanged from {starts} later starts"
    return AuditRow(check, not guilty, found or unchanged)


def _moved_columns(
    names: Sequence[str],
    before: Float[np.ndarray, "row feature"],
    after: Float[np.ndarray, "row feature"],
) -> Iterator[tuple[str, int, str]]:
    """Yield the columns that differ, with the first row that differs and its values."""
    same = np.isclose(after, before, START_TOLERANCE, START_TOLERANCE, equal_nan=True)
    for column in map(int, np.flatnonzero(~same.all(axis=0))):
        row = int(same[:, column].argmin())
        values = f"{after[row, column]:.6g} instead of {before[row, column]:.6g}"
        yield names[column], row, values


def audit_labels(split: ChronoSplit) -> list[AuditRow]:
    """Check that the labels of each block end before the next block begins."""
    search, held_out = split.search, split.held_out
    ends = search.rows.label_ends
    first_validation = int(search.rows.dates[search.validation].min())
    first_test = int(held_out.rows.dates[held_out.test].min())
    rows = []
    for name, block, start, following in (
        ("train", search.train, first_validation, "validation"),
        ("validation", search.validation, first_test, "test"),
    ):
        last = int(ends[block].max())
        rows.append(
            AuditRow(
                f"labels of {name} end before {following} begins",
                last < start,
                f"the last ends {date_of(last)}, the first {following} sample is {date_of(start)}",
            )
        )
    labelled = np.flatnonzero(np.isfinite(search.rows.labels))
    samples = np.union1d(search.train, search.validation)
    latest = int(search.rows.dates.max())
    rows.append(
        AuditRow(
            "the search holds no row and no label of the test block",
            latest < first_test and bool(np.isin(labelled, samples).all()),
            f"its last row is {date_of(latest)}, {len(labelled)} labels for {len(samples)} samples",
        )
    )
    return rows


@dataclass(frozen=True, slots=True)
class BlindFit:
    """A scaler that was fitted with all values blanked that train does not cover."""

    scaler: Scaler
    covered_rows: int


def fit_blind(view: SearchView, params: HyperParams) -> BlindFit:
    """Fit a scaler on the rows that train windows cover, with all other values blanked."""
    rows = with_sequence_length(view.rows, params)
    covered = rows_covered(view.train, rows.window_length, len(rows.dates))
    in_train = np.zeros(len(rows.dates), dtype=bool)
    in_train[view.train] = True
    blind = replace(
        rows,
        features=np.where(covered[:, None], rows.features, np.float32(np.nan)),
        labels=np.where(in_train, rows.labels, np.nan),
        har_terms=np.where(in_train[:, None], rows.har_terms, np.nan),
    )
    return BlindFit(Scaler.fit(blind, view.train, params.feature_scaling), int(covered.sum()))


def audit_scaler(scaler: Scaler, blind: BlindFit) -> AuditRow:
    """Compare a scaler with one that could see only train; they must be equal."""
    again = blind.scaler
    parts = ("feature_means", "feature_sds", "label_mean", "label_sd", "skip_weights", "knots")
    different = [part for part in parts if not _equal(getattr(scaler, part), getattr(again, part))]
    return AuditRow(
        "the scaler saw only train rows",
        not different,
        f"{', '.join(different)} differ from a fit on train only"
        if different
        else f"equal to a fit on the {blind.covered_rows} rows that train windows cover",
    )


def _cuts(table: FeatureTable, boundaries: Sequence[dt.date]) -> list[int]:
    days = np.unique(table.dates)
    usable = days[min(WARM_UP_BARS, len(days) - 2) : -1]
    spread = usable[np.linspace(0, len(usable) - 1, CUTS).astype(int)]
    before = [days[np.searchsorted(days, day_of(d)) - 1] for d in boundaries]
    return sorted({int(day) for day in (*spread, *before)})


def _warm_tickers(table: FeatureTable, cut: int) -> list[str]:
    bars = np.bincount(table.ticker_of_row[table.dates <= cut], minlength=len(table.tickers))
    return [ticker for ticker, n in zip(table.tickers, bars, strict=True) if n > WARM_UP_BARS]


def _changed_columns(
    whole: FeatureTable, other: FeatureTable, tickers: Collection[str], cut: int
) -> Iterator[str]:
    """Yield the columns whose values up to the cut differ."""
    before, after = (_known(table, tickers, cut) for table in (whole, other))
    if other.names != whole.names or before.shape != after.shape:
        yield "the table's shape"
        return
    same = np.isclose(before, after, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    yield from (whole.names[column] for column in np.flatnonzero(~same.all(axis=0)))


def _known(
    table: FeatureTable, tickers: Collection[str], cut: int
) -> Float[np.ndarray, "row feature"]:
    codes = [code for code, ticker in enumerate(table.tickers) if ticker in tickers]
    values: np.ndarray = table.values[(table.dates <= cut) & np.isin(table.ticker_of_row, codes)]
    return values


def _equal(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))
