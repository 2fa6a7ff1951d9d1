"""`python -m popmix`: the command line."""

from popmix.cli import main

main()
