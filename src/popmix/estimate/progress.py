"""How long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """Something that is told of progress: a phase, the fraction done where it is known, and a message."""

    def update(self, phase: str, fraction: float | None, message: str) -> None:
        """Receive news."""


class Silent:
    """Progress that nobody watches."""

    def update(self, phase: str, fraction: float | None, message: str) -> None:
        """Do nothing."""
