"""What changed since last night, by the records of two nights."""

from lstm_model.report.night_result import Change
from tasks.tracking.changes import NightRecord, compare_nights

NIGHT = NightRecord(
    settings={"seed": "42", "search.trials": "10"},
    data={"snapshot_sha256": "aaaa"},
    best={"best.lr": "0.001"},
    scores={"test.mse": "0.9"},
)


def test_equal_nights_have_no_change() -> None:
    """A night made again on the same bars lists nothing."""
    assert compare_nights(NIGHT, NIGHT) == ()


def test_what_differs_is_named_in_order() -> None:
    """Settings come first, then data, parameters and scores; what is new or gone has a dash."""
    now = NightRecord(
        settings={"seed": "42", "search.trials": "20", "target.skip": "har"},
        data={"snapshot_sha256": "bbbb"},
        best={"best.dropout": "0.1"},
        scores={"test.mse": "0.85"},
    )
    assert compare_nights(NIGHT, now) == (
        Change("search.trials", "10", "20"),
        Change("target.skip", "-", "har"),
        Change("snapshot_sha256", "aaaa", "bbbb"),
        Change("best.lr", "0.001", "-"),
        Change("best.dropout", "-", "0.1"),
        Change("test.mse", "0.9", "0.85"),
    )
