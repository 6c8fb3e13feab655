"""How a command ends: its exit status, and one line on stderr that says what went wrong."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.exceptions import TyperException

from lstm_model.errors import ConfigError, LstmHpoError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""A run that failed; a command or configuration that breaks a rule; Ctrl-C, as Typer reports it."""


@dataclass(slots=True)
class Shared:
    """What one call of the program stores in Typer's context."""

    debug: bool = False


def _note_debug(context: typer.Context, debug: bool) -> bool:
    context.ensure_object(Shared).debug |= debug
    return debug


Debug = Annotated[
    bool, typer.Option("--debug", help="Show logs and tracebacks.", callback=_note_debug)
]
"""`--debug`, before or after the command's name; commands read it from the context."""


def exit_status(command: Callable[[], object], shared: Shared) -> int:
    """Call a command and return its exit status; print a failure as one line on stderr."""
    try:
        status = command()
    except TyperException as error:
        return _fail(error.format_message(), MISUSED)
    except LstmHpoError as error:
        status = MISUSED if isinstance(error, ConfigError) else FAILED
        return _fail(str(error), status, debug=shared.debug)
    except Exception as error:
        message = f"unexpected {type(error).__name__}: {error}; see --debug"
        return _fail(message, FAILED, debug=shared.debug)
    if status == INTERRUPTED:
        message = "interrupted; run the same command again to continue where it stopped"
        return _fail(message, INTERRUPTED)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int, *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    typer.echo(f"lstm-hpo: {' '.join(message.split())}", err=True)
    return status
