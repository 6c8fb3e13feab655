"""The file of a ticker in a folder with one file per ticker."""

from pathlib import Path

from lstm_model.errors import ConfigError, TickerUnknown


def require_folder(key: str, folder: Path | None) -> Path:
    """Return the folder that a key names; raises ConfigError if it is none."""
    if folder is None or not folder.is_dir():
        raise ConfigError(f"{key} must be a folder but {folder} is not; set it to one")
    return folder


def file_of(folder: Path, ticker: str, endings: tuple[str, ...], source: str) -> Path:
    """Return `<TICKER><ending>`, in any case, the first ending first.

    Raises TickerUnknown if there is none.
    """
    paths = [folder / f"{ticker}{ending}" for ending in endings]
    for path in paths:
        if path.exists():
            return path
    names = {path.name.lower() for path in paths}
    for path in sorted(folder.iterdir()):
        if path.name.lower() in names:
            return path
    raise TickerUnknown(
        f"source {source} needs one <TICKER>{endings[0]} per ticker but {paths[0]} is missing; "
        f"add it or change data.tickers"
    )
