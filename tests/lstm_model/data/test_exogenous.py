"""Claims about exogenous series: joined as they were known, and audited like features."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.config.exogenous import ExogenousConfig
from lstm_model.config.loader import parse_config
from lstm_model.config.pipeline import FeaturesConfig, PipelineConfig
from lstm_model.data import exogenous, leakage
from lstm_model.data.bars import Bars, join_panel
from lstm_model.data.beside import Beside
from lstm_model.data.calendar import day_of, days_since_epoch
from lstm_model.data.closes import closing_seconds, known_at, market_for_closes, newest_known
from lstm_model.data.exogenous import (
    Exogenous,
    ExogenousSeries,
    forecast_part,
    gather,
    tabulate_exogenous,
)
from lstm_model.data.features import FeatureTable, compute_features
from lstm_model.data.leakage import audit_features
from lstm_model.errors import BarsError, ConfigError

BarMaker = Callable[..., Bars]
BOUNDARIES = (dt.date(2001, 3, 1), dt.date(2001, 5, 1))


def renamed(bars: Bars, names: dict[str, str]) -> Bars:
    return Bars(bars.frame.assign(ticker=bars.frame["ticker"].replace(names)))


def joining(*series: ExogenousConfig) -> FeaturesConfig:
    return FeaturesConfig(exogenous=series)


def with_series(bars: Bars, features: FeaturesConfig, market: str | None = None) -> FeatureTable:
    """Compute features as the audit and a served model do: all bars are in one panel."""
    series = tabulate_exogenous(bars, features, market)
    return compute_features(forecast_part(bars, features), features, None, series)


def plain(ticker: str, days: list[int], **keys: object) -> Exogenous:
    """Return a series whose value is its own day, so that a join shows what it took."""
    config = ExogenousConfig(ticker=ticker, columns=("log_change",), **keys)
    values = np.array(days, dtype=float)[:, None]
    return Exogenous((ExogenousSeries(config, ("day",), np.array(days), values),))


def joined(series: Exogenous, ticker: str, days: list[int]) -> list[int | None]:
    """Return the session that each row took."""
    found = series.join(ticker, np.array(days))[:, 0]
    return [None if np.isnan(value) else int(value) for value in found]


def test_columns_are_stationary_transforms(make_bars: BarMaker) -> None:
    """The columns are the log change, the log level over its mean of 60 sessions, the log range."""
    bars = renamed(make_bars(300, 300), {"T1": "^VIX"})
    table = with_series(bars, joining(ExogenousConfig(ticker="^VIX")))
    assert table.tickers == ("T0",)
    assert table.names[-3:] == ("^VIX_log_change", "^VIX_log_level", "^VIX_log_range")
    own = bars.of("^VIX")
    close = np.log(own["close"])
    expected = [close.diff(), close - close.rolling(60).mean(), np.log(own["high"] / own["low"])]
    # T0 is a plain ticker and ^VIX a US index: the same close, so the same date.
    np.testing.assert_allclose(table.values[250:, -3:], np.column_stack(expected)[250:], atol=1e-12)
    assert table.ready[250:].all()


def test_columns_are_chosen_and_ordered(make_bars: BarMaker) -> None:
    """Only the columns that are asked for are made, in their order, after the built-in ones."""
    bars = renamed(make_bars(300, 300, 300), {"T1": "^VIX", "T2": "^TNX"})
    features = joining(
        ExogenousConfig(ticker="^TNX", columns=("log_level",)),
        ExogenousConfig(ticker="^VIX", columns=("log_range", "log_change")),
    )
    table = with_series(bars, features)
    names = ("^TNX_log_level", "^VIX_log_range", "^VIX_log_change")
    assert table.names[-3:] == names
    assert len(table.names) == 16 + 3


def test_the_last_value_stands_in_until_it_is_too_old() -> None:
    """A missed session takes the value before it, up to `max_age_sessions` bars; then none."""
    days = list(range(0, 10))
    series = plain("^VIX", [0, 1, 2], max_age_sessions=2)
    assert joined(series, "AAPL", days) == [0, 1, 2, 2, 2, None, None, None, None, None]
    never = plain("^VIX", [4, 5], max_age_sessions=0)
    assert joined(never, "AAPL", days) == [*[None] * 4, 4, 5, *[None] * 4]


def test_a_published_lag_is_in_the_series_own_sessions() -> None:
    """With a lag of two sessions the value is that of two sessions before the newest one."""
    series = plain("^TNX", [0, 3, 4, 5, 8], lag_sessions=2)
    assert joined(series, "AAPL", [0, 3, 4, 5, 6, 8]) == [None, None, 0, 3, 3, 4]


THANKSGIVING_FRIDAY = day_of(dt.date(2020, 11, 27))
TUESDAY = day_of(dt.date(2020, 6, 9))


@pytest.mark.parametrize(
    ("series", "keys", "ticker", "day", "same_day"),
    [
        ("^VIX", {}, "AAPL", TUESDAY, True),
        ("^VIX", {}, "^GSPC", TUESDAY, True),
        ("^VIX", {}, "7203.T", TUESDAY, False),
        ("^VIX", {}, "BP.L", TUESDAY, False),
        ("SPY", {}, "SAP.DE", TUESDAY, False),
        ("7203.T", {}, "AAPL", TUESDAY, True),
        ("BP.L", {}, "SAP.DE", TUESDAY, True),
        ("BTC-USD", {}, "AAPL", TUESDAY, False),
        ("AAPL", {}, "BTC-USD", TUESDAY, True),
        ("EURUSD=X", {}, "AAPL", TUESDAY, False),
        ("^N225", {}, "AAPL", TUESDAY, False),
        ("^N225", {"market": "XTKS"}, "AAPL", TUESDAY, True),
        ("^VIX", {}, "^N225", TUESDAY, False),
        ("RY.TO", {}, "AAPL", TUESDAY, True),
        ("RY.TO", {}, "AAPL", THANKSGIVING_FRIDAY, False),
    ],
)
def test_what_closes_later_is_joined_a_session_later(
    series: str, keys: dict[str, str], ticker: str, day: int, same_day: bool
) -> None:
    """A bar counts where its market closes no later, half days included; else it waits a day."""
    sessions = list(range(day - 5, day + 3))
    (found,) = joined(plain(series, sessions, **keys), ticker, sessions)[5:6]
    assert found == (day if same_day else day - 1)
    own = keys.get("market") or market_for_closes(series, None)
    assert known_at(day, own, market_for_closes(ticker, None)) is same_day


def test_data_market_is_that_of_forecast_tickers() -> None:
    """`data.market` gives the close at which plain tickers are forecast, and not that of series."""
    series = dataclasses.replace(plain("SPY", list(range(TUESDAY - 5, TUESDAY + 1))), market="XTKS")
    assert joined(series, "7203", [TUESDAY]) == [TUESDAY - 1]
    assert joined(dataclasses.replace(series, market="XNYS"), "7203", [TUESDAY]) == [TUESDAY]


def test_closes_are_in_utc_through_summer_time_and_half_days() -> None:
    """New York closes at 20:00 UTC in summer, 21:00 in winter, 18:00 on a half day."""
    days = np.array([TUESDAY, THANKSGIVING_FRIDAY - 3, THANKSGIVING_FRIDAY])
    hours = (closing_seconds(days, "XNYS") - 86_400 * days) / 3600
    assert hours.tolist() == [20.0, 21.0, 18.0]
    assert ((closing_seconds(days, "24/7") - 86_400 * days) == 86_400).all()
    with pytest.raises(ConfigError, match=r"calendar of exchange_calendars.* is 'XXXX'; correct"):
        closing_seconds(days, "XXXX")


MARKETS = st.sampled_from(["XNYS", "XTKS", "XLON", "24/7", None])


@settings(deadline=None)  # the first example builds the calendars
@given(
    series=st.lists(st.integers(18_000, 18_060), min_size=1, unique=True).map(sorted),
    days=st.lists(st.integers(18_000, 18_060), min_size=1, unique=True).map(sorted),
    own=MARKETS,
    other=MARKETS,
)
def test_the_join_never_looks_ahead(
    series: list[int], days: list[int], own: str | None, other: str | None
) -> None:
    """Each row takes the newest session that had closed, as a search through all finds it."""
    found = newest_known(np.array(series), own, np.array(days), other)
    for day, place in zip(days, found, strict=True):
        if own is None or other is None:
            closed = [session < day for session in series]
        else:
            limit = closing_seconds(np.array([day]), other)[0]
            closes = closing_seconds(np.array(series), own)
            closed = [bool(close <= limit) for close in closes]
        assert place == sum(closed) - 1
        assert all(closed[: place + 1])


def test_a_missing_series_is_refused(make_bars: BarMaker) -> None:
    """Bars without a configured series are refused by name, wherever they are read."""
    features = joining(ExogenousConfig(ticker="^VIX"), ExogenousConfig(ticker="^TNX"))
    bars = renamed(make_bars(300, 300), {"T1": "^VIX"})
    for use in (
        lambda: gather([bars], features),
        lambda: tabulate_exogenous(bars, features, None),
    ):
        with pytest.raises(BarsError, match=r"required but \^TNX has none; pass them"):
            use()
    with pytest.raises(BarsError, match=r"required but \^VIX, \^TNX has none"):
        compute_features(bars, features)


def test_series_are_gathered_from_any_group_and_no_further(make_bars: BarMaker) -> None:
    """A panel that comes in groups gives its series, and groups after the last are not read."""
    features = joining(ExogenousConfig(ticker="T1"), ExogenousConfig(ticker="T2"))
    groups = [
        make_bars(30),
        renamed(make_bars(40), {"T0": "T2"}),
        renamed(make_bars(50), {"T0": "T1"}),
    ]
    pulled = []

    def read() -> object:
        for group in [*groups, make_bars(60)]:
            pulled.append(group)
            yield group

    found = gather(read(), features)
    assert found is not None
    assert found.tickers == ("T2", "T1")
    assert len(pulled) == 3
    assert gather(read(), FeaturesConfig()) is None


def audited(bars: Bars, features: FeaturesConfig) -> tuple[list[bool], str]:
    rows = audit_features(
        lambda part: with_series(part, features), bars, BOUNDARIES, Beside.of(features, None)
    )
    return [row.passed for row in rows], "; ".join(row.found for row in rows)


@pytest.fixture(autouse=True)
def few_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit at fewer dates than a night does; these histories are short."""
    monkeypatch.setattr(leakage, "CUTS", 8)


@pytest.fixture(scope="module")
def panel(make_bars: BarMaker) -> Bars:
    """Two forecast tickers of two markets, and a series of the later one with gaps of its own."""
    bars = renamed(make_bars(400, 380), {"T0": "AAPL", "T1": "7203.T"})
    series = renamed(make_bars(400, seed=3, missing=0.05), {"T0": "^VIX"})
    return join_panel([series, bars])


VIX = joining(ExogenousConfig(ticker="^VIX"))


def test_honest_joins_pass_the_audit(panel: Bars) -> None:
    """Series of another zone, with gaps and a lag, do not look ahead nor too far back."""
    for keys in ({}, {"lag_sessions": 3}, {"market": "XTKS"}):
        passed, found = audited(panel, joining(ExogenousConfig(ticker="^VIX", **keys)))
        assert all(passed), found
    assert "of AAPL, 7203.T unchanged" in found


def next_session(*arguments: np.ndarray) -> np.ndarray:
    sessions = arguments[0]
    return np.minimum(newest_known(*arguments) + 1, len(sessions) - 1)


def by_date_alone(series_days: np.ndarray, _: object, days: np.ndarray, __: object) -> np.ndarray:
    return np.searchsorted(series_days, days, side="right") - 1


def the_next_if_missed(
    series_days: np.ndarray, _: object, days: np.ndarray, __: object
) -> np.ndarray:
    return np.minimum(np.searchsorted(series_days, days, side="left"), len(series_days) - 1)


@pytest.mark.parametrize("broken", [next_session, by_date_alone, the_next_if_missed])
def test_a_leaking_join_is_named(
    broken: Callable[..., np.ndarray], panel: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lag of -1, New York's close joined to Tokyo's by date, and a back-fill are found."""
    monkeypatch.setattr(exogenous, "newest_known", broken)
    passed, found = audited(panel, VIX)
    assert passed[1:3] == [False, False], found
    named = {part.split()[0] for part in found.replace("; ", ", ").split(", ") if " at " in part}
    assert {"^VIX_log_change", "^VIX_log_level", "^VIX_log_range"} <= named
    assert "adx14" not in named


def test_a_series_that_remembers_too_much_is_named(
    panel: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level over 300 sessions depends on where the series starts."""
    monkeypatch.setattr(exogenous, "LEVEL_SESSIONS", 300)
    passed, found = audited(panel, VIX)
    assert passed == [True, True, True, False]
    assert "^VIX_log_level depends on more than the last 250 bars" in found


def config(**changes: object) -> PipelineConfig:
    raw = {
        "data": {"tickers": ["AAPL"]},
        "features": {"exogenous": [{"ticker": "^VIX", **changes}]},
    }
    return parse_config(raw)


def test_a_snapshot_holds_the_series_first() -> None:
    """All bars to fetch are the series and the forecast tickers; without series nothing changes."""
    whole = config()
    assert whole.data_to_fetch.tickers == ("^VIX", "AAPL")
    assert whole.data.tickers == ("AAPL",)
    bare = parse_config({"data": {"tickers": ["AAPL"]}})
    assert bare.data_to_fetch == bare.data


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"ticker": "vix"}, "a ticker must be up to 15 capitals"),
        ({"ticker": "^VIX", "lag": 1}, "unknown key 'features.exogenous.0.lag'; did you mean"),
        ({"ticker": "^VIX", "lag_sessions": -1}, "features.exogenous.0.lag_sessions: must be"),
        ({"ticker": "^VIX", "lag_sessions": 61}, "less than or equal to 60"),
        ({"ticker": "^VIX", "columns": []}, "at least one entry"),
        ({"ticker": "^VIX", "columns": ["level"]}, "features.exogenous.0.columns.0"),
        ({"ticker": "AAPL"}, "must not be forecast but AAPL is in data.tickers too; remove it"),
    ],
)
def test_bad_entries_are_refused(raw: dict[str, object], words: str) -> None:
    """A wrong entry is refused in one line that names the key."""
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config({"data": {"tickers": ["AAPL"]}, "features": {"exogenous": [raw]}})
    assert "\n" not in str(caught.value)


def test_a_series_is_listed_once() -> None:
    """Two entries of one ticker would make two columns of one name."""
    with pytest.raises(ConfigError, match="each exogenous ticker must be listed once"):
        parse_config(
            {
                "data": {"tickers": ["AAPL"]},
                "features": {"exogenous": [{"ticker": "^VIX"}, {"ticker": "^VIX"}]},
            }
        )


REAL = Path(__file__).resolve().parents[3].parent / "shared" / "market_data" / "index"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real index files are not part of the project")
def test_the_real_vix_is_joined_to_the_index_by_date(sp500: Bars) -> None:
    """On real bars each row has the day's VIX, or the last one on the few days that it lacks."""
    from lstm_model.data.cleaning import clean_bars

    raw = pd.read_csv(REAL / "VIX_1990_2026.csv").rename(columns=str.lower)
    vix = clean_bars(raw, "^VIX")
    table = with_series(join_panel([vix, sp500]), VIX)
    level = pd.Series(np.log(vix.frame["close"].to_numpy()), days_since_epoch(vix.frame["date"]))
    change = level.diff().reindex(table.dates, method="ffill", limit=1)
    np.testing.assert_allclose(table.values[:, -3], change, atol=1e-12)
    assert table.ready[250:].all()
