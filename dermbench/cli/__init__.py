"""The Typer shell: one module a verb; each parses, calls its stage and prints."""

from __future__ import annotations

import sys

import typer

from dermbench import __version__
from dermbench.cli import (
    compare,
    data,
    doctor,
    evaluate,
    explain,
    leaderboard,
    predict,
    quickstart,
    train,
)
from dermbench.errors import DermbenchError

app = typer.Typer(
    name="dermbench",
    help="Benchmark and fairness evaluation of skin-lesion classifiers. Not for clinical use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (quickstart, data, train, predict, evaluate, compare, explain, leaderboard, doctor):
    verb.register(app)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"dermbench {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: a :class:`DermbenchError` becomes one message on stderr and its exit code."""
    try:
        app()
    except DermbenchError as error:
        typer.secho(f"error: {error}", fg="red" if sys.stderr.isatty() else None, err=True)
        sys.exit(error.exit_code)
