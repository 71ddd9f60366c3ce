"""Lines of output that are neither tables nor styled."""

from __future__ import annotations

import typer

from dermbench.errors import printable


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
