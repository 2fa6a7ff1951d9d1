"""The command `popmix`: parse, call, show. No mathematics, and nothing heavy is imported before a command runs."""

from popmix.cli.commands import main

__all__ = ["main"]
