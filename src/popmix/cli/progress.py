"""Live progress: one line that renews itself on a terminal, elsewhere one line per ten seconds; always on stderr.

Long work tells `update(phase, fraction, message)`: `fraction` is between 0 and 1, or None when the end is not known.
"""

import sys
import threading
import time
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text


class LiveProgress:
    """One line on a terminal, gone when the work ends."""

    def __init__(self, console: Console | None = None) -> None:
        self._status = Status("", console=console or Console(stderr=True))

    def update(self, phase: str, fraction: float | None = None, message: str = "") -> None:
        """Show another line. It is text, not markup: a message may hold brackets."""
        self._status.update(Text(line(phase, fraction, message)))

    def __enter__(self) -> "LiveProgress":
        self._status.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._status.stop()


class LineProgress:
    """One line per `every` seconds on a stream that is no terminal; work shorter than that prints nothing.

    A thread prints them, so that a line appears also while one step of the work (compiling the engine) takes long.
    """

    def __init__(self, stream: TextIO | None = None, every: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._every = every
        self._line = ""
        self._done = threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._print, daemon=True)

    def update(self, phase: str, fraction: float | None = None, message: str = "") -> None:
        """Remember what the next line says."""
        self._line = line(phase, fraction, message)

    def _print(self) -> None:
        while not self._done.wait(self._every):
            if self._line:
                print(f"[{time.monotonic() - self._started:.0f} s] {self._line}", file=self._stream, flush=True)

    def __enter__(self) -> "LineProgress":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()


def line(phase: str, fraction: float | None, message: str) -> str:
    """Return one line about the work, for example "fitting 40%: OFV 116.1"."""
    done = "" if fraction is None else f" {100 * fraction:.0f}%"
    return f"{phase}{done}: {message}" if message else f"{phase}{done}"


def progress() -> LiveProgress | LineProgress:
    """Return the progress that suits stderr."""
    return LiveProgress() if sys.stderr.isatty() else LineProgress()
