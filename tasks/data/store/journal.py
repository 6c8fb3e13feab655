"""Which tickers an interrupted download already has, so that it goes on where it stopped."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from lstm_model.config.data import DataConfig
from lstm_model.data.bars import Finding
from tasks.data.store.folder import Store
from tasks.data.store.refresh import TickerBars
from tasks.files import refuse_politely
from tasks.progress import print_note

RESUMES_FOR = dt.timedelta(hours=6)
"""Bars that were fetched longer ago are fetched again: the night may be another one."""


class DownloadJournal:
    """A file with a line for each ticker that was fetched; it is removed when all are.

    resumes: whether to go on with what an earlier run left. A file of the user's own is always
    read again.
    """

    def __init__(self, store: Store, data: DataConfig, *, resumes: bool) -> None:
        name = hashlib.sha256(data.model_dump_json().encode()).hexdigest()[:16]
        self.path = store.root / f".download-{name}.jsonl"
        self.resumes = resumes
        self._done = _unfinished(self.path) if resumes else {}
        if self._done:
            print_note(f"{len(self._done)} tickers are here from a download that did not end")
        else:
            self.path.unlink(missing_ok=True)

    def once(self, ticker: str, fetch: Callable[[], TickerBars]) -> TickerBars:
        """Return what was fetched for a ticker, or fetch it and write it down."""
        if ticker not in self._done:
            self._done[ticker] = fetch()
            if self.resumes:
                with refuse_politely(str(self.path)), self.path.open("a", encoding="utf-8") as file:
                    line = {"at": _now().isoformat(), **asdict(self._done[ticker])}
                    file.write(json.dumps(line) + "\n")
        return self._done[ticker]

    def finish(self) -> None:
        """Forget the download: its snapshot is stored."""
        self.path.unlink(missing_ok=True)


def _unfinished(path: Path) -> dict[str, TickerBars]:
    """Read the tickers that were fetched in the last hours; a line that was cut counts as none."""
    done = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            facts = json.loads(line)
            recent = _now() - dt.datetime.fromisoformat(facts.pop("at")) < RESUMES_FOR
            facts["findings"] = tuple(Finding(**finding) for finding in facts["findings"])
            part = TickerBars(**facts)
        except (ValueError, TypeError, KeyError):
            continue
        if recent:
            done[part.ticker] = part
    return done


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
