"""Where exceptions end: a message on stderr and an exit code, never a traceback unless it is asked for."""

import os
import sys
import traceback as tracebacks
from types import TracebackType

import typer

from popmix.errors import Interrupted, OptionError, PopmixError

FAILED, USAGE, INTERRUPTED = 1, 2, 130

_UNEXPECTED = """\
popmix stopped on an unexpected error, which is a fault of popmix: {kind}: {error}
Please report it to the maintainers with the command, the output of `popmix doctor` and, if you may share it, the model.
{traceback}"""


class guarded:
    """Context in which a command does its work: turns exceptions into messages and exit codes.

    PopmixError: 1, OptionError: 2 (usage), Ctrl-C: 130, anything else: 1 with a request to report it.
    """

    def __init__(self, traceback: bool = False) -> None:
        self._traceback = traceback

    def __enter__(self) -> "guarded":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or isinstance(error, (typer.Exit, SystemExit)):
            return
        if self._traceback and not isinstance(error, (KeyboardInterrupt, Interrupted)):
            tracebacks.print_exception(error)
        raise typer.Exit(_told(error, self._traceback)) from None


def _told(error: BaseException, traceback: bool) -> int:
    if isinstance(error, BrokenPipeError):
        # the reader of our output has gone: nothing is left to say, and Python must not try again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, (KeyboardInterrupt, Interrupted)):
        typer.echo(str(error) or "Interrupted.", err=True)
        return INTERRUPTED
    if isinstance(error, PopmixError):
        typer.echo(f"popmix: {error}", err=True)
        return USAGE if isinstance(error, OptionError) else FAILED
    hint = "" if traceback else "Add --traceback to see where it happened."
    typer.echo(_UNEXPECTED.format(kind=type(error).__name__, error=error, traceback=hint).rstrip(), err=True)
    return FAILED
