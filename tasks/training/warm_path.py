"""Where a night keeps the weights with which its final trainings begin."""

from pathlib import Path


def place_of(root: Path, member: int) -> Path:
    """Return the file of a seed's weights in the folder of a night's models."""
    return root / f"warm-{member}.safetensors"


def warm_path(root: Path, member: int) -> str | None:
    """Return the file with which a seed begins; None if it begins at random."""
    path = place_of(root, member)
    return str(path) if path.exists() else None
