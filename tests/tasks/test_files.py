"""Files are there whole or not at all."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from lstm_model.errors import StorageError
from tasks.files import write_atomically


def write_to_a_full_disk(partial: Path) -> None:
    """Fill the temporary file a little, then meet a device that is full."""
    partial.write_text("half")
    with Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"rest")


def test_writes_and_replaces(tmp_path: Path) -> None:
    """A write makes missing folders, replaces what was there, and leaves nothing else behind."""
    path = tmp_path / "a" / "b.txt"
    for text in ("one", "two"):
        assert write_atomically(path, lambda partial, text=text: partial.write_text(text)) == path
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="the system has no /dev/full")
def test_full_disk(tmp_path: Path) -> None:
    """A full disk is a StorageError in one line; the old file stays, no partial one does."""
    path = tmp_path / "b.txt"
    path.write_text("old")
    with pytest.raises(StorageError, match=r"b\.txt: No space left on device") as refused:
        write_atomically(path, write_to_a_full_disk)
    assert "\n" not in str(refused.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let the system refuse files over 64 KiB, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_quota(tmp_path: Path, small_files: None) -> None:
    """A write that the system stops halfway leaves the old file alone."""
    path = tmp_path / "b.bin"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="File too large"):
        write_atomically(path, lambda partial: partial.write_bytes(bytes(1 << 20)))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_is_a_file(tmp_path: Path) -> None:
    """A folder that cannot be made is a StorageError."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        write_atomically(tmp_path / "taken" / "b.txt", lambda partial: partial.write_text(""))


def test_other_errors_pass_and_leave_nothing(tmp_path: Path) -> None:
    """An error of the writer itself passes unchanged, and no partial file stays behind."""

    def broken(partial: Path) -> None:
        raise ValueError("no such encoding")

    with pytest.raises(ValueError, match="no such encoding"):
        write_atomically(tmp_path / "b.txt", broken)
    assert list(tmp_path.iterdir()) == []
