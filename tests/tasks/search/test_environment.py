"""What a trial's numbers depend on, and how a change of it is named."""

import pytest

from tasks.search.environment import describe_environment, name_drift


def test_the_environment_names_code_and_libraries() -> None:
    """Versions, processor and the code's hash are there, and stay the same within a process."""
    described = describe_environment()
    assert {"code", "python", "torch", "numpy", "machine", "instructions"} <= set(described)
    assert all(described.values())
    assert name_drift(described, describe_environment()) == []


@pytest.mark.parametrize(
    ("recorded", "present", "drift"),
    [
        ({"torch": "2.12"}, {"torch": "2.13"}, ["torch 2.12 -> 2.13"]),
        ({}, {"gpu": "none"}, ["gpu not recorded -> none"]),
        ({"gpu": "none"}, {}, ["gpu none -> gone"]),
    ],
)
def test_drift_is_named(
    recorded: dict[str, str], present: dict[str, str], drift: list[str]
) -> None:
    """Each difference is told with both values."""
    assert name_drift(recorded, present) == drift
