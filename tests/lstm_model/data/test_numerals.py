"""Numbers of all vendors."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_model.data.numerals import plain_numbers
from lstm_model.errors import BarsError


def frame_of(*cells: str, name: str = "close") -> pd.DataFrame:
    lines = pd.Index(range(2, len(cells) + 2), name="line")
    return pd.DataFrame({name: pd.Series(cells, index=lines, dtype=str)})


def read(*cells: str, name: str = "close") -> list[float]:
    return [float(text) for text in plain_numbers(frame_of(*cells, name=name), "T")[name]]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("$1,234.50", "$0.5"), [1234.5, 0.5]),
        (("1.234,50", "12,5"), [1234.5, 12.5]),
        (("1.234,50", "1.074.847", "1.234", "7"), [1234.5, 1074847, 1234, 7]),
        (("1,234", "999.5"), [1234, 999.5]),
        (("1,074,847", "12"), [1074847, 12]),
        (("1 234,5", "1\u00a0234,5", "1\u202f234,5"), [1234.5] * 3),
        (("1'234.5", "1\u2019234.5"), [1234.5] * 2),
        (("12,5 €", "$12,5"), [12.5, 12.5]),
        (("-1,234.5", "1.5e3"), [-1234.5, 1500]),
    ],
)
def test_a_vendors_numbers_are_read(cells: tuple[str, ...], numbers: list[float]) -> None:
    """The decimal sign is found from all cells of a file together."""
    assert read(*cells) == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("2.90M", "1.5K", "3B", "7"), [2.9e6, 1500, 3e9, 7]),
        (("2,90M", "1,5k", "-"), [2.9e6, 1500, None]),
    ],
)
def test_a_volume_may_have_a_unit(cells: tuple[str, ...], numbers: list[float | None]) -> None:
    """K, M and B are thousands, millions and billions of shares; in a price they are text."""
    volume = plain_numbers(frame_of(*cells, name="volume"), "T")["volume"]
    assert [float(text) if text else None for text in volume] == numbers
    with pytest.raises(BarsError, match=f"T: text_price: close on line 2 is '{cells[0]}'"):
        read(*cells)


def test_a_split_may_be_a_ratio() -> None:
    """4:1 and 3/2 are splits; in a price they are text."""
    assert read("4:1", "3/2", "0", name="stock_splits") == [4, 1.5, 0]
    with pytest.raises(BarsError, match="T: text_price: close on line 2 is '4:1'; fix"):
        read("4:1")


def test_plain_numbers_nulls_and_infinity_stay() -> None:
    """What is plain already is left as it stands, to be judged by the rules of the cleaning."""
    plain = frame_of("1.5", "", "null", "inf", "1e-3", " 2 ")
    assert plain_numbers(plain, "T").equals(plain)
    mixed = plain_numbers(frame_of("$1", "N/A", "--"), "T")["close"]
    assert mixed.tolist() == ["1", "", ""]


@given(
    st.lists(st.decimals(0, 10**7, places=2), min_size=2, max_size=20).filter(
        lambda numbers: any(abs(number) >= 1000 for number in numbers)
    ),
    st.booleans(),
)
def test_both_notations_are_read_back(numbers: list[float], german: bool) -> None:
    """Numbers with two decimals read back exactly, with a decimal point or a decimal comma."""
    english = [f"{number:,.2f}" for number in numbers]
    swap = str.maketrans(",.", ".,")
    cells = [text.translate(swap) for text in english] if german else english
    assert read(*cells) == [float(number) for number in numbers]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("1.5", "12a"), ["text_price", "close on line 3 is '12a'", "fix"]),
        (("1.5", "1,23.5"), ["text_price", "line 3", "'1,23.5'"]),
        (("1.5", "1$2"), ["text_price", "line 3", "'1$2'"]),
        (("1.5", "1 2"), ["text_price", "line 3", "'1 2'"]),
        (("1.5", "x" * 99), [f"'{'x' * 40}...'"]),
        (("1.5", "1\n2"), ["'1 2'"]),
        (("1.5", "12,5", "1.6"), ["mixed_numbers", "line 3", "'12,5'", "2 others have a point"]),
        (("1,5", "12.5", "1,6"), ["mixed_numbers", "line 3", "'12.5'", "2 others have a comma"]),
        (("1,234", "1,235"), ["ambiguous_number", "line 2", "'1,234'", "write a decimal point"]),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(cells: tuple[str, ...], words: list[str]) -> None:
    """A refusal has the rule, the line in the file, the cell, and what to do."""
    with pytest.raises(BarsError) as refused:
        read(*cells)
    for word in ["T: ", *words]:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
