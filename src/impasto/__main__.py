"""`python -m impasto` is the command `impasto`."""

from impasto.cli import program

program()
