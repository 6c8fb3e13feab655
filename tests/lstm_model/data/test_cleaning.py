"""Every cleaning rule, on synthetic bars and on real files that once broke it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.bars import Bars, adjust
from lstm_model.data.cleaning import CleaningRules, clean_bars
from lstm_model.errors import BarsError
from tasks.data.sources.csv_folder import CsvSource

ROWS = 60

RAW = CleaningRules(prices="raw")
"""The made bars have dividends on top of their prices, and no adjusted close that says so."""


def raw_bars(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Return bars without a defect."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    opened = close * np.exp(rng.normal(0, 0.002, rows))
    return pd.DataFrame(
        {
            "date": pd.bdate_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": rng.integers(1000, 9000, rows).astype(float),
            "dividends": 0.0,
            "stock_splits": 0.0,
        }
    )


def with_cell(column: str, row: int, value: object) -> pd.DataFrame:
    raw = raw_bars().astype(object)
    raw.loc[row, column] = value
    return raw


def read(folder: Path, name: str) -> pd.DataFrame:
    return CsvSource(folder).fetch(name, None, None)


def load(folder: Path, name: str) -> Bars:
    return clean_bars(read(folder, name), name)


def log_returns(values: "pd.Series[float]") -> np.ndarray:
    return np.diff(np.log(values.to_numpy(dtype=float)))


def vendor_adjusted(raw: pd.DataFrame) -> "pd.Series[float]":
    """Return the vendor's own adjusted close, by ascending date, without its null rows."""
    dates = raw["date"]
    values = pd.to_numeric(raw["adj_close"], errors="coerce")
    return pd.Series(values.to_numpy(), index=dates).dropna().sort_index()


def test_clean_bars_pass_as_they_are() -> None:
    """Bars without a defect keep every value and yield no finding."""
    raw = raw_bars()
    bars = clean_bars(raw, "T")
    assert bars.findings == ()
    for column in ("open", "high", "low", "close", "volume"):
        assert (bars.frame[column].to_numpy() == raw[column].to_numpy()).all()


def unordered() -> pd.DataFrame:
    return raw_bars().iloc[::-1].reset_index(drop=True)


def repeated_equal() -> pd.DataFrame:
    raw = raw_bars()
    return pd.concat([raw.iloc[:6], raw.iloc[5:]], ignore_index=True)


def in_pence() -> pd.DataFrame:
    raw = raw_bars()
    raw.loc[40:, ["open", "high", "low", "close"]] *= 100
    return raw


def with_split() -> pd.DataFrame:
    raw = raw_bars()
    raw.loc[40:, ["open", "high", "low", "close"]] /= 5
    raw.loc[40, "stock_splits"] = 5.0
    return raw


def outside_range() -> pd.DataFrame:
    raw = raw_bars()
    raw.loc[7, "high"] = raw.loc[7, "close"] * 0.99
    return raw


def repeated_dividend() -> pd.DataFrame:
    raw = raw_bars()
    raw.loc[[10, 13], "dividends"] = 0.5
    return raw


DAY = raw_bars()["date"].tolist()


@pytest.mark.parametrize(
    ("raw", "rule", "date", "value"),
    [
        (with_cell("close", 5, "null"), "missing_prices", DAY[5], "null"),
        (with_cell("open", 5, float("nan")), "missing_open", DAY[5], "1 of 60 bars"),
        (unordered(), "unordered_dates", DAY[-2], "descending"),
        (repeated_equal(), "duplicate_date", DAY[5], "equal rows"),
        (in_pence(), "unit_error", DAY[40], "scaled by 0.01"),
        (outside_range(), "range_violation", DAY[7], "outside"),
        (raw_bars().drop(columns="volume"), "missing_volume", DAY[0], "no column"),
        (with_cell("volume", 3, "null"), "missing_volume", DAY[3], "null"),
        (with_split(), "split_not_applied", DAY[40], "5:1"),
        (with_cell("dividends", 10, 45.0), "dividend_unit_error", DAY[10], "45 at a price of"),
        (repeated_dividend(), "dividend_repeated", DAY[13], "0.5"),
    ],
)
def test_repaired(raw: pd.DataFrame, rule: str, date: str, value: str) -> None:
    """A defect that has a repair is repaired, and its finding has rule, date and value."""
    findings = clean_bars(raw, "T", RAW).findings
    assert {finding.rule for finding in findings} == {rule}
    assert findings[0].date == date
    assert value in findings[0].value
    assert (findings[0].ticker, findings[0].action) == ("T", "repaired")


def test_repairs_restore_the_values() -> None:
    """Sorting, unit and split repairs give the returns of the bars before the defect."""
    truth = adjust(clean_bars(raw_bars(), "T"), "T")["close"]
    for broken in (unordered(), repeated_equal(), in_pence(), with_split()):
        repaired = adjust(clean_bars(broken, "T"), "T")["close"]
        np.testing.assert_allclose(repaired, truth, rtol=1e-12)


def test_repaired_dividends() -> None:
    """A dividend in pence counts as a hundredth, a repeated one once."""
    pence = clean_bars(with_cell("dividends", 10, 45.0), "T", RAW).frame["dividends"]
    assert pence[10] == pytest.approx(0.45)
    twice = clean_bars(repeated_dividend(), "T", RAW).frame["dividends"]
    assert twice.sum() == pytest.approx(0.5)


def mixed_zones() -> pd.DataFrame:
    return with_cell("date", 5, f"{DAY[5]} 00:00:00+09:00")


def far_zones() -> pd.DataFrame:
    raw = raw_bars()
    raw["date"] += " 00:00:00-05:00"
    raw.loc[5, "date"] = f"{DAY[5]} 00:00:00+09:00"
    return raw


def repeated_unequal() -> pd.DataFrame:
    raw = repeated_equal()
    raw.loc[6, ["open", "high", "low", "close"]] = 101.5
    return raw


def too_many(column: str, value: object) -> pd.DataFrame:
    raw = raw_bars().astype(object)
    raw.loc[10:14, column] = value
    return raw


def jump() -> pd.DataFrame:
    raw = raw_bars()
    raw.loc[40:, ["open", "high", "low", "close"]] *= 35
    return raw


def constant() -> pd.DataFrame:
    return raw_bars().assign(open=5.0, high=5.0, low=5.0, close=5.0)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (raw_bars().iloc[:0], ["at least one bar", "none"]),
        (raw_bars().drop(columns="high"), ["'high'", "date, open, low", "add it"]),
        (pd.DataFrame(), ["'date'", "none", "add it"]),
        (mixed_zones(), ["mixed_zones", DAY[0], f"{DAY[5]} 00:00:00+09:00", "YYYY-MM-DD"]),
        (far_zones(), ["mixed_zones", "+09:00", "-05:00", "YYYY-MM-DD"]),
        (with_cell("date", 5, "soon"), ["unreadable_date", "'soon'", "fix"]),
        (with_cell("close", 5, "12a"), ["text_price", DAY[5], "close is '12a'", "fix"]),
        (with_cell("close", 5, "1\n2"), ["text_price", DAY[5], r"'1\n2'", "fix"]),
        (with_cell("volume", 5, "many"), ["text_volume", DAY[5], "'many'", "fix"]),
        (with_cell("high", 5, float("inf")), ["infinite_price", DAY[5], "high is inf", "fix"]),
        (with_cell("volume", 5, "inf"), ["infinite_volume", DAY[5], "volume is inf", "fix"]),
        (with_cell("low", 5, 0), ["non_positive_price", DAY[5], "low is 0", "above zero"]),
        (with_cell("close", 5, "-3"), ["non_positive_price", DAY[5], "close is -3", "fix"]),
        (too_many("close", "null"), ["missing_prices", DAY[10], "4 more of 60", "5%"]),
        (too_many("low", 999.0), ["range_violation", DAY[10], "4 more of 60", "5%"]),
        (repeated_unequal(), ["duplicate_date", DAY[5], "101.5", "keep one row"]),
        (jump(), ["price_jump", DAY[40], "factor of", "fix"]),
        (with_cell("volume", 5, -1), ["negative_volume", DAY[5], "volume is -1", "fix"]),
        (with_cell("dividends", 5, -1), ["negative_action", DAY[5], "dividends is -1", "fix"]),
        (with_cell("stock_splits", 5, -2), ["negative_action", DAY[5], "is -2", "fix"]),
        (constant(), ["constant_price", "close is 5", "60 bars", "check"]),
        (with_cell("dividends", 5, 1e6), ["dividend_over_price", DAY[5], "1e+06", "fix"]),
    ],
)
def test_refused(raw: pd.DataFrame, words: list[str]) -> None:
    """A defect without a repair is refused in one line: ticker, date, rule, value, remedy."""
    with pytest.raises(BarsError) as refusal:
        clean_bars(raw, "T", RAW)
    message = str(refusal.value)
    assert "\n" not in message
    assert message.startswith("T")
    for word in words:
        assert word in message


@pytest.mark.parametrize("early", [0, 1, 2, 3])
def test_split_listed_late(early: int) -> None:
    """A split whose jump is up to 3 bars before its listing is divided out at the jump."""
    raw = with_split()
    raw["stock_splits"] = raw["stock_splits"].shift(early, fill_value=0.0)
    factor = clean_bars(raw, "T").frame["split_factor"]
    assert factor[40] == 5.0
    assert factor.prod() == 5.0


def test_applied_split_is_left_alone() -> None:
    """A listed split without a jump in the prices changes nothing."""
    bars = clean_bars(with_cell("stock_splits", 40, 5.0), "T")
    assert (bars.frame["split_factor"] == 1).all()
    assert bars.findings == ()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, ROWS - 1), st.data())
def test_later_bars_change_no_earlier_one(seed: int, cut: int, data: st.DataObject) -> None:
    """Cleaning the first bars alone gives the first bars of cleaning all of them."""
    raw = raw_bars(seed=seed)
    rows = st.lists(st.integers(1, ROWS - 1), min_size=5, max_size=5, unique=True)
    paid, again, unit, split, quiet = data.draw(rows)
    prices = ["open", "high", "low", "close"]
    amount, scale = data.draw(st.sampled_from([(0.3, 1.0), (40.0, 1.0), (0.3, 100.0), (0.3, 0.01)]))
    raw.loc[paid, "dividends"] = amount
    raw.loc[again, "dividends"] = 0.3
    raw.loc[unit:, prices] *= scale
    raw.loc[split:, prices] /= 4
    raw.loc[split, "stock_splits"] = 4.0
    raw.loc[quiet, "volume"] = np.nan
    whole = clean_bars(raw, "T", RAW)
    first = clean_bars(raw.iloc[:cut], "T", RAW)
    pd.testing.assert_frame_equal(first.frame, whole.frame.iloc[:cut], check_exact=True)
    assert {finding.rule for finding in first.findings} <= {f.rule for f in whole.findings}


VIX = {
    "missing_volume": 1,
    "open_outside_range": 27,
    "price_outlier": 24,
    "long_wick": 17,
    "unexplained_move": 1,
}
"""In 1992-1995 the open of 47 bars is another day's."""

REAL = [
    ("yfinance_dirty", "4063-T-1d-bad-stock-split-fixed", 22, {"unordered_dates": 1}),
    (
        "yfinance_dirty",
        "4063-T-1d-bad-stock-split",
        22,
        {"unordered_dates": 1, "split_not_applied": 1},
    ),
    ("yfinance_dirty", "8TRA-DE-1d-missing-div-adjust-fixed", 5, {}),
    ("yfinance_dirty", "8TRA-DE-1d-missing-div-adjust", 5, {}),
    ("yfinance_dirty", "AET-L-1d-100x-error-fixed", 23, {"unordered_dates": 1}),
    ("yfinance_dirty", "AET-L-1d-100x-error", 23, {"unordered_dates": 1, "unit_error": 9}),
    ("yfinance_dirty", "CALM-1d-no-bad-divs", 662, {}),
    ("yfinance_dirty", "DODFX-1d-cg-double-count", 502, {}),
    ("yfinance_dirty", "EWG-1d-no-bad-divs", 662, {}),
    (
        "yfinance_dirty",
        "PSH-L-1d-bad-div-fixed",
        663,
        {"missing_prices": 2, "open_outside_range": 1},
    ),
    (
        "yfinance_dirty",
        "PSH-L-1d-bad-div",
        663,
        {"missing_prices": 2, "open_outside_range": 1, "dividend_unit_error": 11},
    ),
    ("yfinance_dirty", "SAND-1d-bad-div-fixed", 662, {}),
    ("yfinance_dirty", "SAND-1d-bad-div", 662, {"dividend_repeated": 1}),
    ("long", "AAPL", 3379, {"long_wick": 1}),
    ("long", "GOOG", 3379, {}),
    ("long", "MSFT_1990_2022", 8111, {}),
    ("long", "SPY", 2519, {"open_outside_range": 2}),
    ("index", "GSPC_2000_2020", 5105, {}),
    ("index", "VIX_1990_2026", 9235, VIX),
    ("panel_ohlcv_2012_2017", "PTR", 1257, {"missing_prices": 1}),
    ("panel_ohlcv_2012_2017", "AGFS", 701, {"long_wick": 2}),
]


@pytest.mark.parametrize(("folder", "name", "rows", "rules"), REAL)
def test_real_files(
    market_data: Path, folder: str, name: str, rows: int, rules: dict[str, int]
) -> None:
    """A real file loads with exactly the findings for its known defects."""
    bars = load(market_data / folder, name)
    assert len(bars.frame) == rows
    assert Counter(finding.rule for finding in bars.findings) == rules


@pytest.mark.parametrize("name", ["ELCO-L-1d-bad-div", "ELCO-L-1d-bad-div-fixed"])
def test_real_file_refused(market_data: Path, name: str) -> None:
    """A real file whose close is off its range on 32 % of the bars is refused, with the key."""
    refusal = r"2022-02-10: range_violation: and 215 more of 665 bars.*data.max_outside_range"
    with pytest.raises(BarsError, match=refusal):
        load(market_data / "yfinance_dirty", name)


def test_real_dates(market_data: Path) -> None:
    """Dates written month/day/year behind a byte order mark, and a null row, are read right."""
    frame = load(market_data / "long", "MSFT_1990_2022").frame
    first, last = frame["date"].iloc[0], frame["date"].iloc[-1]
    assert (f"{first:%F}", f"{last:%F}") == ("1990-01-02", "2022-03-10")
    bars = load(market_data / "panel_ohlcv_2012_2017", "PTR")
    assert [f.date for f in bars.findings] == ["2016-06-29"]
    spy = load(market_data / "long", "SPY")
    assert [f.date for f in spy.findings] == ["2015-03-05", "2015-03-30"]


@pytest.mark.parametrize(
    "name", ["AET-L-1d-100x-error", "4063-T-1d-bad-stock-split", "8TRA-DE-1d-missing-div-adjust"]
)
def test_real_repairs_agree_with_a_second_opinion(market_data: Path, name: str) -> None:
    """A repaired real file has the adjusted-close returns of its independently repaired twin."""
    folder = market_data / "yfinance_dirty"
    repaired = adjust(load(folder, name), name)["close"]
    expected = vendor_adjusted(read(folder, f"{name}-fixed"))
    np.testing.assert_allclose(log_returns(repaired), log_returns(expected), atol=1e-6)


def test_real_dividends(market_data: Path) -> None:
    """Dividends listed in pence become those of the independently repaired file."""
    folder = market_data / "yfinance_dirty"
    repaired = load(folder, "PSH-L-1d-bad-div").frame["dividends"]
    expected = load(folder, "PSH-L-1d-bad-div-fixed").frame["dividends"]
    assert (expected > 0).sum() == 11
    np.testing.assert_allclose(repaired, expected, rtol=1e-6)


def test_real_repeated_dividend(market_data: Path) -> None:
    """A dividend listed on two days pays once, as in the independently repaired file."""
    folder = market_data / "yfinance_dirty"
    repaired = load(folder, "SAND-1d-bad-div").frame["dividends"]
    expected = load(folder, "SAND-1d-bad-div-fixed").frame["dividends"]
    assert repaired.sum() == pytest.approx(expected.sum())
    assert (repaired > 0).sum() == (expected > 0).sum()


@pytest.mark.parametrize("name", ["4063-T-1d-bad-stock-split", "PSH-L-1d-bad-div"])
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_real_files_are_cleaned_causally(market_data: Path, name: str, share: float) -> None:
    """The first bars of a real file clean to the same values with and without the later ones."""
    raw = read(market_data / "yfinance_dirty", name).sort_values("date", ignore_index=True)
    cut = int(share * len(raw))
    whole = clean_bars(raw, name).frame
    first = clean_bars(raw.iloc[:cut], name).frame
    pd.testing.assert_frame_equal(first, whole.iloc[: len(first)], check_exact=True)
