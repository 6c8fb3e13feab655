"""What would be made of files of bars, without a run: accepted, repaired or refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Bars, Finding, adjust
from lstm_model.errors import ConfigError, LstmHpoError
from tasks.data.clean import clean_raw
from tasks.data.sources.bars_files import ENDINGS, read_file
from tasks.files import write_atomically

MOST_VALUES = 3
"""Values of one rule's findings that are shown."""

ADJUSTED = ("ticker", "date", "close", "adjusted_close")
"""Columns of the adjusted closes."""


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """All findings of one rule and action: their number, the first date, a few values."""

    rule: str
    action: str
    count: int
    first: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What one file gives.

    status: `accepted` as it is, but for notes; `repaired`; or `refused`, then `message` says why.
    bars, first, last: number of bars and their dates; 0 and None for a refused file.
    """

    ticker: str
    status: Literal["accepted", "repaired", "refused"]
    bars: int
    first: str | None
    last: str | None
    message: str
    findings: tuple[RuleFindings, ...]


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files, and the files of bars of folders by name; raises ConfigError if none is."""
    files = []
    for path in paths:
        if path.is_dir():
            held = sorted(p for p in path.iterdir() if p.name.lower().endswith(ENDINGS))
            if not held:
                raise ConfigError(
                    f"a folder must have <TICKER>.csv or .parquet files but {path} has none; "
                    f"name another"
                )
            files += held
        elif path.exists():
            files.append(path)
        else:
            raise ConfigError(f"a file or folder must exist but {path} does not; name another")
    return files


def check_file(path: Path, data: DataConfig) -> tuple[CheckedFile, pd.DataFrame]:
    """Read and clean one file as a run would; return what it gives and its adjusted closes.

    The ticker is the file's name. `data` has the dates and rules that apply. A refused file has no
    adjusted closes.
    """
    ticker = ticker_of(path)
    try:
        raw, found = read_file(path, ticker, data.start, data.end)
        bars = clean_raw(raw, ticker, data, found)
    except LstmHpoError as error:
        refused = CheckedFile(ticker, "refused", 0, None, None, str(error), ())
        return refused, pd.DataFrame(columns=list(ADJUSTED))
    days = bars.frame["date"].dt.strftime("%Y-%m-%d")
    repaired = any(finding.action == "repaired" for finding in bars.findings)
    checked = CheckedFile(
        ticker,
        "repaired" if repaired else "accepted",
        len(days),
        days.iloc[0],
        days.iloc[-1],
        "",
        by_rule(bars.findings),
    )
    return checked, _adjusted_closes(bars, days)


def by_rule(findings: Sequence[Finding]) -> tuple[RuleFindings, ...]:
    """Group findings by rule and action, in the order in which they first occur."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.action), []).append(finding)
    return tuple(
        RuleFindings(
            rule,
            action,
            sum(finding.count for finding in group),
            min(finding.date for finding in group),
            tuple(finding.value for finding in group[:MOST_VALUES]),
        )
        for (rule, action), group in groups.items()
    )


def write_adjusted(path: Path, parts: Sequence[pd.DataFrame]) -> None:
    """Write the adjusted closes of several files into one CSV file."""
    frame = pd.concat([pd.DataFrame(columns=list(ADJUSTED)), *(p for p in parts if len(p))])
    write_atomically(path, lambda partial: frame.to_csv(partial, index=False))


def ticker_of(path: Path) -> str:
    """Return the file's name without its endings; a dot within a ticker stays, as in M&M.NS."""
    name = path.name
    for ending in (".gz", ".csv", ".tsv", ".txt", ".parquet"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
    return name


def _adjusted_closes(bars: Bars, days: "pd.Series[str]") -> pd.DataFrame:
    ticker = bars.tickers[0]
    columns = (
        [ticker] * len(days),
        days.to_numpy(),
        bars.frame["close"].to_numpy(),
        adjust(bars, ticker)["close"].to_numpy(),
    )
    return pd.DataFrame(dict(zip(ADJUSTED, columns, strict=True)))
