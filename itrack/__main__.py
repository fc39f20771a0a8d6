"""`python -m itrack` is the `itrack` command."""

from itrack.cli import main

main()
