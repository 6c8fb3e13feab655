"""Claims about seeds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.seeding import derive_seed


def test_seed_is_the_same_on_every_machine() -> None:
    """A derived seed is a constant of its arguments, written down here."""
    assert derive_seed(42, "study", 3, "propose") == 4283243544682293976


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**40), st.lists(st.text() | st.integers(), max_size=3))
def test_seed_fits_torch_and_numpy(seed: int, parts: list[str | int]) -> None:
    """A derived seed is a non-negative 63-bit number."""
    assert 0 <= derive_seed(seed, *parts) < 2**63


def test_seeds_differ_by_every_part() -> None:
    """Another user seed, name, trial or order of parts gives another seed."""
    seeds = [
        derive_seed(1),
        derive_seed(2),
        derive_seed(1, "a"),
        derive_seed(1, "a", 1),
        derive_seed(1, "a", 2),
        derive_seed(1, 1, "a"),
        derive_seed(1, "a1"),
    ]
    assert len(set(seeds)) == len(seeds)
