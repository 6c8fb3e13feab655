"""Every error a user can meet, as one small tree.

A message says rule, value and remedy in one line, because it is shown as it stands.
"""


class LstmHpoError(Exception):
    """A failure the user can act on; shown as one line, without a traceback."""


class ConfigError(LstmHpoError):
    """The configuration or the command line breaks a rule; nothing was run."""


class SourceError(LstmHpoError):
    """A source of bars could not deliver."""


class SourceUnreachable(SourceError):  # noqa: N818 - the state says more than a suffix
    """The source did not answer; the same call may succeed later."""


class TickerUnknown(SourceError):  # noqa: N818 - as above
    """The source answered, and does not know the ticker; a retry cannot help."""


class BarsError(LstmHpoError):
    """Bars break a rule that no written repair covers."""


class SplitError(LstmHpoError):
    """The rows at hand cannot be cut into train, validation and test."""


class StorageError(LstmHpoError):
    """A file, a database or a disk refused."""


class SearchError(LstmHpoError):
    """The search ended without a usable trial, or its study is in use."""


class ServerError(LstmHpoError):
    """Prefect's server did not start, did not answer, or refused."""


class TrainingDiverged(LstmHpoError):  # noqa: N818 - as above
    """A loss stopped being finite."""


class LeakFound(LstmHpoError):  # noqa: N818 - as above
    """The audit found the future in what must hold the past alone."""
