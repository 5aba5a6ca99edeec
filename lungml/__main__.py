"""`python -m lungml` is the `lungml` command."""

from lungml.cli import main

main()
