"""Kinds of bad data that once gave wrong numbers in silence, and real moves that look like them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.bars import PRICES, Bars, adjust
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.errors import BarsError, ConfigError

ROWS = 300
COLUMNS = list(PRICES)
RAW = CleaningRules(prices="raw")


def made(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Return clean bars of working days, with volume and no actions."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 0.002, rows))
    return pd.DataFrame(
        {
            "date": pd.bdate_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.004,
            "low": np.minimum(opened, close) * 0.996,
            "close": close,
            "volume": rng.integers(4000, 6000, rows).astype(float),
        }
    )


def rules_of(bars: Bars) -> set[str]:
    return {finding.rule for finding in bars.findings}


def returns(bars: Bars) -> np.ndarray:
    return np.diff(np.log(adjust(bars, "T")["close"].to_numpy()))


def paying(raw: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return raw and adjusted bars with a dividend every 40 bars; both list the dividends."""
    paid = np.zeros(len(raw))
    unpaid, adjusted = raw.copy(), raw.copy()
    for row in range(20, len(raw), 40):
        unpaid.loc[row:, COLUMNS] *= 1 - share
        paid[row] = unpaid["close"][row - 1] * share
    growth = adjusted["close"].iloc[-1] / unpaid["close"].iloc[-1]
    adjusted[COLUMNS] /= growth
    return unpaid.assign(dividends=paid), adjusted.assign(dividends=paid)


def test_dividends_are_not_added_to_adjusted_prices() -> None:
    """Ex-dates tell prices with dividends from prices without; both give the same returns."""
    raw, adjusted = paying(made(), 0.02)
    from_raw, from_adjusted = clean_bars(raw, "T"), clean_bars(adjusted, "T")
    assert rules_of(from_raw) == {"raw_prices"}
    assert rules_of(from_adjusted) == {"dividends_in_prices"}
    np.testing.assert_allclose(returns(from_raw), returns(from_adjusted), atol=1e-12)


def test_dividends_that_could_be_in_the_prices_are_refused() -> None:
    """Dividends too small to tell are refused in one line, and the key settles it."""
    raw, _ = paying(made(), 0.002)
    with pytest.raises(BarsError, match=r"^T 2020-.*dividends_twice: 7 dividends.*data\.prices"):
        clean_bars(raw, "T")
    assert (clean_bars(raw, "T", RAW).frame["dividends"] > 0).sum() == 7
    kept = clean_bars(raw, "T", CleaningRules(prices="adjusted"))
    assert kept.frame["dividends"].sum() == 0


@pytest.mark.parametrize(
    ("level", "decimals"),
    [(0.05, 3), (0.05, 6), (1.0, 2), (1.0, 3), (1.0, 6), (40.0, 2), (40.0, 3), (40.0, 6)],
)
def test_rounding_is_no_dividend(decimals: int, level: float) -> None:
    """Adjusted closes rounded to any decimals invent no dividend, and keep the real ones."""
    raw, _ = paying(made(), 0.05)
    growth = np.cumprod(np.where(raw["dividends"] > 0, 1 / 0.95, 1.0))
    raw[COLUMNS] *= level
    adjusted = (raw["close"] * growth / growth[-1]).round(decimals)
    assert (adjusted > 2 * 10.0**-decimals).all()
    bars = clean_bars(raw.drop(columns="dividends").assign(adj_close=adjusted), "T")
    paid = bars.frame["dividends"]
    assert paid[paid > 0].index.isin(raw.index[raw["dividends"] > 0]).all()
    if decimals >= 3 and level >= 1:
        assert (paid > 0).sum() == 7


def test_an_outlier_of_the_adjusted_close_is_no_dividend() -> None:
    """A single wrong adjusted close is noted and changes nothing."""
    raw = made()
    raw["adj_close"] = raw["close"] * 0.5
    raw.loc[100, "adj_close"] *= 1.15
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"adj_close_outlier"}
    assert (bars.frame["dividend_factor"] == 1).all()


def test_a_split_without_a_column_is_implied() -> None:
    """Dividends are listed and splits are not: the adjusted close gives the split, null or not."""
    raw = made()
    truth = returns(clean_bars(raw, "T"))
    raw["adj_close"] = raw["close"]
    raw.loc[200:, COLUMNS] /= 4
    raw["adj_close"] /= 4
    raw["dividends"] = 0.0
    np.testing.assert_allclose(returns(clean_bars(raw, "T")), truth, atol=1e-9)
    raw.loc[200, "adj_close"] = np.nan
    np.testing.assert_allclose(returns(clean_bars(raw, "T")), truth, atol=0.05)


def test_an_unread_adjusted_close_decides_nothing() -> None:
    """A negative adjusted close beside listed actions is not read."""
    raw = made().assign(adj_close=-7.3e28, dividends=0.0, stock_splits=0.0)
    assert clean_bars(raw, "T").findings == ()


@pytest.mark.parametrize("ratio", [2.0, 20.0, 50.0, 0.1, 100.0])
@pytest.mark.parametrize("late", [-10, -4, 0, 4, 10])
def test_a_listed_split_finds_its_jump(ratio: float, late: int) -> None:
    """A split of any ratio is found up to 10 bars before or after its jump."""
    raw = made()
    truth = returns(clean_bars(raw, "T"))
    raw.loc[150:, COLUMNS] /= ratio
    raw["stock_splits"] = 0.0
    raw.loc[150 + late, "stock_splits"] = ratio
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"split_not_applied"}
    np.testing.assert_allclose(returns(bars), truth, atol=1e-9)


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 10.0, 0.2])
def test_an_unlisted_split_is_refused_or_applied(ratio: float) -> None:
    """A quiet gap by a simple ratio is never learnt as a return."""
    raw = made()
    truth = returns(clean_bars(raw, "T"))
    raw.loc[150:, COLUMNS] /= ratio
    raw.loc[150:, "volume"] *= ratio
    with pytest.raises(BarsError, match=rf"^T {raw['date'][150]}: unlisted_split: close"):
        clean_bars(raw, "T")
    applied = clean_bars(raw, "T", CleaningRules(unlisted_splits="apply"))
    np.testing.assert_allclose(returns(applied), truth, atol=1e-9)


def crash(share: float, volume: float, by_gap: bool = False) -> pd.DataFrame:
    raw = made()
    raw.loc[150:, COLUMNS] *= 1 - share
    if not by_gap:
        raw.loc[150, ["open", "high"]] = raw["close"][149]
    raw.loc[150, "volume"] *= volume
    return raw


@pytest.mark.parametrize("by_gap", [False, True])
@pytest.mark.parametrize("share", [0.45, 0.52, 0.9, 0.99])
def test_a_real_crash_is_left_alone(share: float, by_gap: bool) -> None:
    """A fall on heavy volume keeps its return, whatever its ratio and however it came."""
    raw = crash(share, 30, by_gap)
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == ({"unexplained_move"} if share >= 0.5 else set())
    np.testing.assert_allclose(returns(bars), np.diff(np.log(raw["close"])))


def test_a_crash_beside_an_applied_split_is_left_alone() -> None:
    """A fall by 45 % two bars before an applied 2:1 split is not the split."""
    raw = crash(0.45, 30).assign(stock_splits=0.0)
    raw.loc[152, "stock_splits"] = 2.0
    assert (clean_bars(raw, "T").frame["split_factor"] == 1).all()


def test_a_pump_and_its_end_are_left_alone() -> None:
    """A rise by 135 % within a bar and a fall the next day, on heavy volume, are real."""
    raw = made()
    raw.loc[150, "close"] = raw.loc[150, "high"] = raw["open"][150] * 2.35
    raw.loc[151, ["open", "high"]] = raw["close"][150]
    raw.loc[150:151, "volume"] *= 10
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"unexplained_move"}
    np.testing.assert_allclose(bars.frame["close"], raw["close"])


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 0.01, 4.0])
@pytest.mark.parametrize("bars_away", [1, 3])
def test_a_spike_is_undone(factor: float, bars_away: int) -> None:
    """Bars that leave the level and come back are scaled by a unit, or dropped."""
    raw = made()
    truth = raw["close"].copy()
    rows = slice(150, 150 + bars_away - 1)
    raw.loc[rows, COLUMNS] *= factor
    bars = clean_bars(raw.assign(stock_splits=0.0), "T")
    kept = truth if factor != 4.0 else truth.drop(range(150, 150 + bars_away))
    assert rules_of(bars) == {"spike" if factor == 4.0 else "unit_error"}
    np.testing.assert_allclose(bars.frame["close"], kept)


def test_the_way_back_of_a_spike_is_no_split() -> None:
    """A split listed beside a spike by the same ratio stays as applied as it was."""
    raw = made().assign(stock_splits=0.0)
    raw.loc[150, COLUMNS] *= 0.1
    raw.loc[150, "stock_splits"] = 0.1
    assert (clean_bars(raw, "T").frame["split_factor"] == 1).all()


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(COLUMNS),
    st.integers(0, ROWS - 1),
    st.floats(0.11, 4.6),
    st.booleans(),
    st.integers(0, 50),
)
def test_one_wrong_price_is_found(price: str, row: int, log: float, up: bool, seed: int) -> None:
    """One price that is off by over a tenth is named by a finding, whichever and wherever it is."""
    raw = made(seed=seed)
    raw.loc[row, price] *= np.exp(log if up else -log)
    found = {(f.date, f.rule) for f in clean_bars(raw, "T").findings}
    assert raw["date"][row] in {date for date, _ in found}


@pytest.mark.parametrize("price", ["high", "low"])
def test_one_price_in_another_unit_is_scaled(price: str) -> None:
    """A high or low that alone is off by 100 gets its own value back."""
    raw = made()
    truth = raw[price].copy()
    raw.loc[150, price] *= 100 if price == "high" else 0.01
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"price_outlier"}
    np.testing.assert_allclose(bars.frame[price], truth)


def test_a_flash_crash_is_noted_and_stays() -> None:
    """A low 35 % under open and close, on heavy volume, is real."""
    raw = made()
    raw.loc[150, "low"] *= 0.65
    raw.loc[150, "volume"] *= 4
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"long_wick"}
    np.testing.assert_allclose(bars.frame["low"], raw["low"])


def test_a_unit_is_scaled_with_its_dividends() -> None:
    """Pence become pounds together with the dividends that are paid in them."""
    raw, _ = paying(made(), 0.02)
    truth = returns(clean_bars(raw, "T", RAW))
    raw.loc[150:, [*COLUMNS, "dividends"]] /= 100
    bars = clean_bars(raw, "T", RAW)
    assert rules_of(bars) == {"unit_error"}
    np.testing.assert_allclose(returns(bars), truth, atol=1e-9)


@pytest.mark.parametrize(("column", "value", "sum_or_product"), [
    ("dividends", 3.0, 3.0), ("stock_splits", 4.0, 4.0),
])  # fmt: skip
def test_an_action_on_a_null_row_moves_on(column: str, value: float, sum_or_product: float) -> None:
    """A dividend or split on a row without prices counts on the next bar."""
    raw = made().assign(**{column: 0.0})
    raw.loc[150, column] = value
    raw.loc[150, COLUMNS] = np.nan
    if column == "stock_splits":
        raw.loc[151:, COLUMNS] /= value
    bars = clean_bars(raw, "T", RAW)
    assert "action_carried" in rules_of(bars)
    assert bars.frame[column].iloc[150] == sum_or_product
    assert len(bars.frame) == ROWS - 1


def test_weekly_dividends_are_all_paid() -> None:
    """Equal dividends five bars apart are no repetition."""
    raw = made().assign(dividends=0.0)
    raw.loc[50:99:5, "dividends"] = 0.2
    bars = clean_bars(raw, "T", RAW)
    assert (bars.frame["dividends"] > 0).sum() == 10
    assert bars.findings == ()


def test_a_special_dividend_is_paid_whole() -> None:
    """A dividend of 12 % is not taken for pence, even if the price rose on its day."""
    raw = made().assign(dividends=0.0)
    raw.loc[150, "dividends"] = 0.12 * raw["close"][149]
    bars = clean_bars(raw, "T", RAW)
    assert rules_of(bars) == {"large_dividend"}
    assert bars.frame["dividends"][150] == raw["dividends"][150]


def still(raw: pd.DataFrame, first: int, last: int) -> pd.DataFrame:
    close = raw["close"][max(first - 1, 0)]
    raw.loc[first:last, COLUMNS] = close
    raw.loc[first:last, "volume"] = 0.0
    return raw


@pytest.mark.parametrize(
    ("raw", "rule", "left"),
    [
        (still(made(), 200, ROWS - 1), "flat_tail", 200),
        (still(made(), 0, 39), "flat_head", 260),
        (still(made(), ROWS - 10, ROWS - 1), None, ROWS),
        (still(made(), 100, 130), None, ROWS),
    ],
)
def test_dead_ends_are_dropped(raw: pd.DataFrame, rule: str | None, left: int) -> None:
    """A month of still bars at an end is dropped; a shorter one, or a halt, stays."""
    bars = clean_bars(raw, "NO MARKET")
    assert rules_of(bars) == ({rule} if rule else set())
    assert len(bars.frame) == left


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (still(made(), 100, 200), ["long_halt", "101 bars without a trade", "data.start"]),
        (made().drop(index=range(100, 200)), ["long_gap", "no bar for", "data.start"]),
        (made().assign(date=made()["date"].str.replace("2020", "1820")), ["date_before_1900"]),
    ],
)
def test_dead_stretches_are_refused(raw: pd.DataFrame, words: list[str]) -> None:
    """Months without trading or bars, and absurd dates, are refused by name."""
    with pytest.raises(BarsError) as refusal:
        clean_bars(raw, "NO MARKET")
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(("ticker", "missing"), [("T", 4), ("RIO.L", 7)])
def test_closed_days_are_dropped_and_halts_stay(ticker: str, missing: int) -> None:
    """A still bar on a holiday is dropped, one on a session stays.

    The file lacks the holidays of both countries, and the other country's are sessions here.
    """
    raw = made()
    holiday = raw.index[raw["date"] == "2020-12-25"][0]
    others = raw["date"].isin(
        ["2020-01-01", "2020-01-20", "2020-02-17", "2020-04-10", "2020-05-25", "2020-07-03",
         "2020-09-07", "2020-11-26", "2021-01-01", "2021-01-18", "2021-02-15", "2020-04-13",
         "2020-05-08", "2020-08-31", "2020-12-28"]
    )  # fmt: skip
    raw = still(still(raw, holiday, holiday), 150, 150)[~others]
    bars = clean_bars(raw, ticker)
    told = {f.rule: (f.date, f.count) for f in bars.findings}
    assert told.pop("missing_sessions")[1] == missing
    assert told == {"closed_day": ("2020-12-25", 1)}
    assert raw["date"][150] in bars.frame["date"].dt.strftime("%Y-%m-%d").tolist()


def test_midnights_in_utc() -> None:
    """Bars a day early are shifted where the market is known, and refused elsewhere."""
    raw = made()
    truth = pd.to_datetime(raw["date"])
    raw["date"] = (truth - pd.Timedelta(days=1)).dt.strftime("%Y-%m-%d")
    with pytest.raises(BarsError, match=r"utc_midnight: bars on 60 Sundays.*data\.market"):
        clean_bars(raw, "T")
    open_days = truth[~truth.isin(pd.to_datetime(["2020-01-01", "2020-12-25", "2021-01-01"]))]
    bars = clean_bars(raw.loc[open_days.index], "T", CleaningRules(market="24/5"))
    assert bars.frame["date"].iloc[0] == open_days.iloc[0] - pd.Timedelta(days=1)


def test_a_bar_of_a_weekend_is_refused() -> None:
    """A Friday's bar dated Saturday is refused; a special Saturday beside its Friday is noted."""
    raw = made()
    raw.loc[12, "date"] = "2020-01-18"
    with pytest.raises(BarsError, match=r"^T 2020-01-18: weekend: a session on a Saturday"):
        clean_bars(raw, "T")
    special = made()
    special = pd.concat([special, special.iloc[[13]].assign(date="2020-01-18")])
    special = special.sort_values("date", ignore_index=True)
    assert rules_of(clean_bars(special, "T")) == {"weekend"}


def test_the_time_of_the_call_is_an_argument() -> None:
    """A bar after today is refused only if the caller says what time it is."""
    raw = made()
    last = dt.date.fromisoformat(raw["date"].iloc[-1])
    clean_bars(raw, "T")
    evening = dt.datetime.combine(last, dt.time(9, 59), dt.UTC)
    clean_bars(raw, "T", CleaningRules(now=evening))
    # 14 hours ahead of UTC it is already the day of the bar.
    clean_bars(raw, "T", CleaningRules(now=evening - dt.timedelta(hours=23, minutes=59)))
    with pytest.raises(BarsError, match=rf"^T {last}: future_date: .*data\.end"):
        clean_bars(raw, "T", CleaningRules(now=evening - dt.timedelta(days=1)))


def test_an_unknown_market_is_refused() -> None:
    """A calendar that does not exist is named with its key."""
    with pytest.raises(ConfigError, match=r"data\.market must be a calendar.*'NYSE!'"):
        clean_bars(made(), "MY_FUND", CleaningRules(market="NYSE!"))


def test_a_row_without_a_date_is_refused() -> None:
    """NaT in a column of dates is refused by name, not by an IndexError."""
    raw = made()
    raw["date"] = pd.to_datetime(raw["date"])
    raw.loc[7, "date"] = pd.NaT
    with pytest.raises(BarsError, match="T: unreadable_date: "):
        clean_bars(raw, "T")


@pytest.mark.parametrize(
    ("first", "last", "rule", "action"),
    [(0, 99, "leading_nulls", "repaired"), (299, 299, "newest_prices_missing", "noted")],
)
def test_nulls_at_the_ends_count_for_nothing(first: int, last: int, rule: str, action: str) -> None:
    """Rows before the first and after the last price are said once, whatever their share."""
    raw = made()
    raw.loc[first:last, COLUMNS] = np.nan
    bars = clean_bars(raw, "T")
    assert [(f.rule, f.action) for f in bars.findings] == [(rule, action)]


def test_no_bar_left_is_refused() -> None:
    """A source of one bar with a wrong close is refused, not returned empty."""
    raw = made(rows=1)
    raw["close"] *= 5
    with pytest.raises(BarsError, match="T: no bar is left of 1 rows"):
        clean_bars(raw, "T")


def test_zero_opens_are_missing_opens() -> None:
    """An open of zero is replaced, whatever its share, and lies in the bar's range."""
    bars = clean_bars(made().assign(open=0.0), "T")
    assert [f.rule for f in bars.findings] == ["missing_open"]
    assert (bars.frame["open"] >= bars.frame["low"]).all()


def test_a_short_last_row_is_unfinished() -> None:
    """A last row that was cut in its close is dropped, not learnt."""
    raw = made()
    raw.loc[299, "close"] = 1.0
    raw.loc[299, "volume"] = np.nan
    bars = clean_bars(raw, "T")
    assert rules_of(bars) == {"unfinished_row"}
    assert len(bars.frame) == ROWS - 1


def test_the_newest_date_twice_keeps_the_later_row() -> None:
    """If only volume differs on the newest date, the larger one stays; an older date is refused."""
    raw = made()
    twice = pd.concat([raw, raw.iloc[[-1]].assign(volume=9e4)], ignore_index=True)
    bars = clean_bars(twice, "T")
    assert bars.frame["volume"].iloc[-1] == 9e4
    assert rules_of(bars) == {"duplicate_date"}
    older = pd.concat([raw, raw.iloc[[5]].assign(volume=9e4)], ignore_index=True)
    with pytest.raises(BarsError, match="duplicate_date"):
        clean_bars(older, "T")


def test_many_findings_of_a_rule_are_one() -> None:
    """More than 50 findings of a rule become one, with a count and the first dates."""
    raw = made()
    raw["open"] = raw["high"] * 1.01
    findings = clean_bars(raw, "T").findings
    assert [f.rule for f in findings] == ["open_outside_range"]
    assert findings[0].value.startswith("300 bars to ")
