"""Print plain text lines, with control characters escaped."""

from __future__ import annotations

import shutil
import sys
from textwrap import fill

import typer

from dermbench.errors import printable

WIDEST = 100
"""Longest line of prose in characters, also on wider terminals."""


def say(text: object, *, err: bool = False, end: str = "\n") -> None:
    """Print text to stdout, or with ``err`` to stderr, control characters escaped.

    Parameters
    ----------
    text
        What to print.
    err
        Whether it goes to stderr.
    end
        What follows it.
    """
    typer.echo(f"{printable(text)}{end}", err=err, nl=False)


def say_wrapped(text: str, *, indent: int = 0, hang: int = 0) -> None:
    """Print prose to stdout, wrapped to the terminal without breaking words or addresses, and flush.

    Parameters
    ----------
    text
        What to print.
    indent
        Spaces before each line.
    hang
        Further spaces before every line after the first.
    """
    width, margin = min(shutil.get_terminal_size().columns, WIDEST), " " * indent
    lines = fill(
        printable(text),
        width,
        initial_indent=margin,
        subsequent_indent=margin + " " * hang,
        break_on_hyphens=False,
        break_long_words=False,
    )
    say(lines)
    sys.stdout.flush()
