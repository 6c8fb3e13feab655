"""Prepared data sets that no recorded night uses any more."""

import re
from collections.abc import Set as AbstractSet
from pathlib import Path

from tasks.removal import half_removed

DATA_SET = re.compile(r"(?:search-(?P<alone>[0-9a-f]{16})|(?:test|whole)-(?P<view>[0-9a-f]{16})-"
                      r"(?P<bars>[0-9a-f]{16}))")  # fmt: skip
"""Names of the folders of a data set: the search view, the test view, and both together."""

YOUNG_SECONDS = 24 * 3600.0
"""A folder that is younger may be that of a night that has not recorded it yet."""


def unused_data_sets(
    folder: Path, used: AbstractSet[tuple[str, str]], now: float
) -> tuple[Path, ...]:
    """Return the folders that were written over a day ago and that no night uses, by name.

    used: hashes of search view and of bars of each night that stays. now: seconds since 1970. They
    can all be made again from the store of bars. Folders that were half removed are among them.
    """
    views = {view[:16] for view, _ in used}
    pairs = {(view[:16], bars[:16]) for view, bars in used}
    found = list(half_removed(folder))
    for path in sorted(folder.glob("*-*")):
        match = DATA_SET.fullmatch(path.name)
        if match is None or not path.is_dir():
            continue
        is_used = match["alone"] in views or (match["view"], match["bars"]) in pairs
        if not is_used and now - path.stat().st_mtime > YOUNG_SECONDS:
            found.append(path)
    return tuple(found)
