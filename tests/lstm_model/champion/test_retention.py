"""Laws of retention: what stays, whatever the nights were."""

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lstm_model.champion.retention import Night, StudyAge, nights_that_go, studies_that_go

VERSIONS = st.tuples(st.sampled_from("ab"), st.integers(1, 9))
NAMED = st.frozensets(VERSIONS, max_size=4)
KEEP = st.integers(1, 5)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "run_id": st.integers(0, 999).map(str),
            "name": st.just("n"),
            "study_name": st.sampled_from(["spx", "aapl"]),
            "started": st.integers(0, 30),
            "is_running": st.booleans(),
            "versions": st.lists(VERSIONS, max_size=2).map(tuple),
            "is_begun": st.booleans(),
        }
    ),
    max_size=20,
    unique_by=lambda night: night["run_id"],
)
STUDY_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from([f"{name}@{n}" for name in ("spx", "aapl") for n in range(99)]),
            "started": st.none() | st.integers(1, 30).map(lambda day: dt.datetime(2026, 1, day)),
            "space": st.sampled_from("xy"),
            "finished": st.integers(0, 3),
            "completed": st.integers(0, 3),
        }
    ),
    max_size=20,
    unique_by=lambda study: study["key"],
)

Rows = list[dict[str, Any]]


def nights_of(rows: Rows) -> list[Night]:
    # Not in the strategy: beartype draws the items that it checks, and Hypothesis forbids that.
    return [Night(**row) for row in rows]


@given(ROWS, KEEP, NAMED)
def test_what_stays(rows: Rows, keep: int, named: frozenset[tuple[str, int]]) -> None:
    """Neither a running night goes, nor a named version's, nor one of a name's newest."""
    nights = nights_of(rows)
    gone = nights_that_go(nights, keep, named)
    for night in gone:
        assert not night.is_running
        assert not named & set(night.versions)
        newer = [
            other
            for other in nights
            if other.study_name == night.study_name
            and not other.is_running
            and not other.is_begun
            and (other.started, other.run_id) > (night.started, night.run_id)
        ]
        assert night.is_begun or len(newer) >= keep


@given(ROWS, KEEP, NAMED)
def test_everything_else_goes(rows: Rows, keep: int, named: frozenset[tuple[str, int]]) -> None:
    """At most `keep` unnamed nights of a name stay, and none whose deletion has begun."""
    nights = nights_of(rows)
    stay = set(nights) - set(nights_that_go(nights, keep, named))
    free = [n for n in stay if not n.is_running and not named & set(n.versions)]
    assert not any(night.is_begun for night in free)
    for name in ("spx", "aapl"):
        assert sum(night.study_name == name for night in free) <= keep


@given(ROWS, KEEP, NAMED)
def test_it_is_done_after_once(rows: Rows, keep: int, named: frozenset[tuple[str, int]]) -> None:
    """Nothing more goes the second time, and a kill at any night leaves the rest to go."""
    nights = nights_of(rows)
    gone = nights_that_go(nights, keep, named)
    for done in range(len(gone) + 1):
        left = [night for night in nights if night not in gone[:done]]
        assert nights_that_go(left, keep, named) == gone[done:]


@given(ROWS, KEEP, NAMED, NAMED)
def test_more_is_kept_by_more(
    rows: Rows,
    keep: int,
    named: frozenset[tuple[str, int]],
    more: frozenset[tuple[str, int]],
) -> None:
    """A higher `keep` and more named versions never delete what stayed before; order is by age."""
    nights = nights_of(rows)
    gone = nights_that_go(nights, keep, named)
    assert set(nights_that_go(nights, keep + 1, named | more)) <= set(gone)
    assert list(gone) == sorted(gone, key=lambda night: (night.started, night.run_id))
    assert nights_that_go(nights[::-1], keep, named) == gone


@given(STUDY_ROWS, KEEP, st.frozensets(st.integers(0, 99).map(lambda n: f"spx@{n}"), max_size=3))
def test_studies(rows: Rows, keep: int, used: frozenset[str]) -> None:
    """A name's newest stay, used ones, and the newest with a loss of each space; others go."""
    studies = [StudyAge(**row) for row in rows]
    gone = studies_that_go(studies, keep, used)
    stay = [study for study in studies if study not in gone]
    assert not used & {study.key for study in gone}
    for name in ("spx", "aapl"):
        own = [study for study in studies if study.name == name]
        assert len([s for s in stay if s.name == name]) >= min(keep, len(own))
        for space in "xy":
            good = [s for s in own if s.space == space and s.completed]
            if good:
                newest = max(good, key=lambda s: (s.started or dt.datetime.min, s.key))
                assert newest in stay
        free = [s for s in stay if s.name == name and s.key not in used]
        assert len(free) <= keep + 2
    assert studies_that_go(stay, keep, used) == ()
