"""Claims about the words for a forecast: its parts, signs and units, which add up."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from lstm_model.explain.integrated_gradients import Attribution
from lstm_model.report.why_lines import why_json, why_lines

NAMES = tuple("abcdefg")


def parts(har: float | None = None) -> Attribution:
    """Return seven features over 24 bars."""
    contributions = np.zeros((24, 7))
    contributions[0] = (0.1, -0.3, 0.02, 0.0, 0.001, 0.002, -0.04)
    contributions[3, 0] = 0.05
    contributions[22, 3] = -0.01
    forecast = (har or 0.0) - 0.02 + float(contributions.sum())
    return Attribution(NAMES, forecast, har, -0.02, contributions)


def test_a_forecast_on_har_has_two_parts_and_features() -> None:
    """HAR's part is a line of its own; five features follow by size, then the rest."""
    assert why_lines(parts(har=-9.0), "log_volatility") == (
        "why, in log variance of a session's range; the parts add up to the forecast of -9.1970:",
        "  HAR's forecast -9.0000, the network adds -0.1970, of which:",
        "    -0.0200  if every feature were as usual in train",
        "    -0.3000  b (volatility -13.9%)",
        "    +0.1500  a (volatility +7.8%)",
        "    -0.0400  g (volatility -2.0%)",
        "    +0.0200  c (volatility +1.0%)",
        "    -0.0100  d (volatility -0.5%)",
        "    +0.0030  the other 2 features",
        "  by bar, of the sizes of all contributions: last bar 89%, bars 2-5 10%, bars 6-22 0%, "
        "older bars 2%",
    )


@pytest.mark.parametrize("har", [None, -9.0])
def test_what_is_printed_adds_up(har: float | None) -> None:
    """The printed parts give the printed forecast, but for their rounding."""
    why = parts(har)
    lines = why_lines(why, "log_volatility")
    found = [float(m[1]) for line in lines if (m := re.match(r"    *([-+]?[\d.]+)  ", line))]
    assert sum(found) + (har or 0.0) == pytest.approx(why.forecast, abs=5e-4)
    assert ("HAR" in lines[1]) is (har is not None)


def test_returns_are_told_in_basis_points() -> None:
    """A part of a return has no volatility beside it."""
    why = replace(parts(), forecast=3.0e-4, baseline=1e-4)
    lines = why_lines(replace(why, contributions=np.full((2, 7), 2e-4 / 14)), "log_return")
    assert lines[0] == "why, in basis points; the parts add up to the forecast of 3.00:"
    assert lines[1] == "       1.00  if every feature were as usual in train"
    assert lines[2] == "      +0.29  a"
    assert not any("volatility" in line for line in lines)


def test_what_the_integral_misses_is_told() -> None:
    """A steep network's parts may miss the forecast by over 1 %; then the rest has a line."""
    why = parts()
    told = why_lines(replace(why, forecast=why.forecast + 0.01), "log_volatility")
    assert "    +0.0100  not explained: the network is too steep here" in told
    told = why_lines(replace(why, forecast=why.forecast + 0.001), "log_volatility")
    assert not any("not explained" in line for line in told)


def test_json_has_all_features() -> None:
    """har, baseline, features and gap add up to the forecast; shares to one."""
    why = parts(har=-9.0)
    document = json.loads(json.dumps(why_json(why)))
    assert list(document["features"])[:2] == ["b", "a"]
    total = document["har"] + document["baseline"] + sum(document["features"].values())
    assert total + document["gap"] == pytest.approx(why.forecast)
    assert document["network"] == pytest.approx(why.forecast + 9.0)
    assert sum(document["lag_shares"].values()) == pytest.approx(1)
