"""The Typer shell: one module a verb; each parses, calls its stage and prints."""

from __future__ import annotations

import os
import sys

import typer

from dermbench import __version__
from dermbench.cli import (
    compare,
    data,
    doctor,
    evaluate,
    explain,
    export,
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
for verb in (quickstart, data, train, predict, evaluate, compare, explain, export, leaderboard, doctor):
    verb.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dermbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Benchmark and fairness evaluation of skin-lesion classifiers. Not for clinical use."""


def main() -> None:
    """Run the command line; what a user can mend becomes one message on stderr and an exit code.

    A :class:`dermbench.errors.DermbenchError` exits with its own code, an unreadable or unwritable file with
    2, Ctrl-C with 130. Anything else is a defect of dermbench and shows its traceback.
    """
    # a thread that waits by spinning starves the others where cores are shared: an epoch of 8 s took 90 s
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except DermbenchError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone: nobody is left to tell
        sys.exit(0)
    except OSError as error:
        _fail(f"{error.filename or 'input/output'}: {error.strerror or error}", DermbenchError.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def _fail(message: str, code: int) -> None:
    if message:  # one process of a distributed job tells what all of them met
        typer.secho(f"error: {message}", fg="red" if sys.stderr.isatty() else None, err=True)
    sys.exit(code)
