"""Every error a user can see, as one small class tree.

Each message gives rule, value and remedy in one line; the user sees it unchanged.
"""


class LstmHpoError(Exception):
    """A failure the user can act on; shown as one line, without a traceback."""


class ConfigError(LstmHpoError):
    """The configuration or the command line breaks a rule; nothing was run."""


class SourceError(LstmHpoError):
    """A source of bars failed."""


class SourceUnreachable(SourceError):  # noqa: N818 - the state says more than a suffix
    """The source did not answer; the same call may succeed later.

    retry_after_seconds: how long the source asks to be left alone, if it says so.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TickerUnknown(SourceError):  # noqa: N818 - as above
    """The source answered but does not know the ticker; a retry cannot help."""


class BarsError(LstmHpoError):
    """Bars break a rule, and there is no repair for it."""


class SplitError(LstmHpoError):
    """The rows cannot be split into train, validation and test."""


class StorageError(LstmHpoError):
    """A file, a database or a disk could not be read or written."""


class ChampionError(LstmHpoError):
    """There is no champion, or the one that there is cannot be used."""


class LedgerError(LstmHpoError):
    """The ledger of forecasts does not hold, or would not."""


class AlreadyForecast(LedgerError):  # noqa: N818 - as above
    """The version has forecast the session before; there is nothing new to forecast."""


class SearchError(LstmHpoError):
    """The search ended without a usable trial, or its study is in use."""


class ServerError(LstmHpoError):
    """The Prefect server did not start, did not answer, or refused the request."""


class TrainingDiverged(LstmHpoError):  # noqa: N818 - as above
    """A loss stopped being finite."""


class LeakFound(LstmHpoError):  # noqa: N818 - as above
    """The audit found future data where only past data is allowed."""
