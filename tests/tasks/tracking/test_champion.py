"""The champion in a real MLflow registry: aliases, journal, and crashes between any two steps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_model.errors import ChampionError, StorageError
from tasks.champion.journal import Journal
from tasks.tracking.champion import CHALLENGER, CHAMPION, PREVIOUS, Registry
from tasks.tracking.client import PatientClient
from tasks.tracking.version import open_version

NAME = "m"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Return a registry with three versions, whose files do not matter here."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = PatientClient(uri)
    client.create_registered_model(NAME)
    for _ in range(3):
        client.create_model_version(NAME, source=str(tmp_path / "none"))
    return uri


@pytest.fixture
def registry(uri: str, tmp_path: Path) -> Registry:
    return Registry(uri, NAME, Journal(tmp_path / "data" / "champion.jsonl"))


def alias(registry: Registry, name: str) -> int | None:
    return registry._version_of(name)


def test_no_champion_is_told(registry: Registry) -> None:
    """Without a champion the answer is none, and whoever needs one is told how to name it."""
    assert registry.champion() is None
    with pytest.raises(ChampionError, match="must have a champion but has none; name one with"):
        registry.require_champion()
    with pytest.raises(ChampionError, match="must have had another champion"):
        registry.rollback("me", "because")


def test_a_champion_that_was_deleted_in_mlflow(registry: Registry) -> None:
    """MLflow drops the alias with the version: there is no champion, and another can be named."""
    registry.promote(1, "me", "first")
    registry.client.delete_model_version(NAME, "1")
    assert registry.champion() is None
    assert registry.promote(2, "me", "the next").previous is None
    assert registry.champion() == 2


def test_promote_and_rollback(registry: Registry) -> None:
    """Champion and previous follow the changes; the journal has who, when and why of each."""
    registry.promote(1, "gate", "the first")
    registry.promote(3, "me", "lower error")
    assert (alias(registry, CHAMPION), alias(registry, PREVIOUS)) == (3, 1)
    registry.rollback("me", "it decays")
    assert (alias(registry, CHAMPION), alias(registry, PREVIOUS)) == (1, 3)
    history = registry.journal.history(NAME)
    assert [(c.kind, c.version, c.previous, c.by, c.why) for c in history] == [
        ("promote", 1, None, "gate", "the first"),
        ("promote", 3, 1, "me", "lower error"),
        ("rollback", 1, 3, "me", "it decays"),
    ]
    assert registry.since() == history[-1]
    tags = registry.client.get_model_version(NAME, "1").tags
    assert (tags["champion_by"], tags["champion_why"]) == ("me", "it decays")


def test_a_challenger_that_wins_is_none_any_more(registry: Registry) -> None:
    """The alias of the challenger goes with its promotion."""
    registry.client.set_registered_model_alias(NAME, CHALLENGER, "2")
    registry.promote(2, "gate", "better")
    assert alias(registry, CHALLENGER) is None


@pytest.mark.parametrize(("version", "why", "words"), [
    (7, "x", "but 7 is not; there is 1, 2, 3"), (1, "x", "is the champion already"),
    (2, "  ", "needs its reason"),
])  # fmt: skip
def test_what_is_refused(registry: Registry, version: int, why: str, words: str) -> None:
    """A version that is not there, the champion itself, and a change without a reason."""
    registry.promote(1, "me", "first")
    with pytest.raises(ChampionError, match=words) as refused:
        registry.promote(version, "me", why)
    assert "\n" not in str(refused.value)
    assert registry.champion() == 1


class CrashError(Exception):
    """The process ends here."""


def crash_after(registry: Registry, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """End the registry's process after so many calls that write."""
    left = [calls]

    def guarded(write: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if left[0] == 0:
                raise CrashError
            left[0] -= 1
            return write(*arguments, **options)

        return call

    for name in (
        "set_model_version_tag", "set_registered_model_alias", "delete_registered_model_alias",
    ):  # fmt: skip
        monkeypatch.setattr(registry.client, name, guarded(getattr(registry.client, name)), False)
    append = guarded(Journal._append)
    monkeypatch.setattr(Journal, "_append", append)


@pytest.mark.parametrize("calls", range(8))
def test_a_crash_between_any_two_steps_is_repaired(
    uri: str, registry: Registry, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """After any step the old champion or the new one stands, and running again ends the change."""
    registry.promote(1, "me", "first")
    registry.client.set_registered_model_alias(NAME, CHALLENGER, "2")
    with monkeypatch.context() as patch:
        crash_after(registry, patch, calls)
        with pytest.raises(CrashError):
            registry.promote(2, "gate", "better")
    assert alias(registry, CHAMPION) in (1, 2)
    again = Registry(uri, NAME, registry.journal)
    if calls == 0:  # nothing was written down, so nothing was meant to happen
        assert again.champion() == 1
        again.promote(2, "gate", "better")
    assert again.champion() == 2
    assert (alias(again, PREVIOUS), alias(again, CHALLENGER)) == (1, None)
    assert [change.version for change in again.journal.history(NAME)] == [1, 2]
    assert again.journal.unfinished(NAME) is None


def test_a_torn_journal(registry: Registry) -> None:
    """A last line that was cut has not happened; a damaged one in the middle is told."""
    registry.promote(1, "me", "first")
    path = registry.journal.path
    path.write_text(path.read_text() + '{"state": "beg')
    assert registry.champion() == 1
    registry.promote(2, "me", "second")
    assert [json.loads(line)["version"] for line in path.read_text().splitlines()] == [1, 1, 2, 2]
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(StorageError, match="line 1 of the champion's journal"):
        registry.champion()


def test_a_champion_whose_files_are_gone(registry: Registry) -> None:
    """A version without its bundle is named, with what to do."""
    with (
        pytest.raises(ChampionError, match="version 1 of 'm' must be whole"),
        open_version(registry, 1),
    ):
        pass
