"""A source over a network: its requests wait for their turn, a failed connection may pass."""

import datetime as dt

import pandas as pd

from lstm_model.data.bars import Finding
from lstm_model.errors import SourceUnreachable
from tasks.data.sources.bar_source import BarSource
from tasks.data.sources.request_rate import RequestRate


class NetworkSource:
    """Another source, each fetch of which is one request.

    inner: the source. rate: None sets no limit.
    """

    def __init__(self, inner: BarSource, name: str, rate: RequestRate | None) -> None:
        self.inner = inner
        self.name = name
        self.rate = rate
        self.network = True
        self.incremental = inner.incremental

    @property
    def findings(self) -> list[Finding]:
        """The inner source's findings."""
        return self.inner.findings

    def fetch(self, ticker: str, start: dt.date | None, end: dt.date | None) -> pd.DataFrame:
        """Fetch from the inner source once it is this request's turn.

        Raises SourceUnreachable for an OSError, which is what HTTP clients raise for a name that is
        not found, a refused or reset connection and a timeout.
        """
        if self.rate is not None:
            self.rate.wait()
        try:
            return self.inner.fetch(ticker, start, end)
        except OSError as error:
            reason = " ".join(str(error).split())[:160]
            raise SourceUnreachable(
                f"source {self.name} did not answer for {ticker!r}: {reason}"
            ) from error
