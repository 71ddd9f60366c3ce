"""The command line, built with Typer: one module per verb parses options, calls the library and prints.

Every module of this package with ``register(app)`` adds verbs; its number ``PLACE`` orders the list of verbs.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from dermbench.cli.output import say
from dermbench.cli.verbs import Verbs
from dermbench.errors import DermbenchError, Terminated, printable
from dermbench.version import __version__

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a command as Ctrl-C does."""
COLLECT_AFTER = 100_000
"""Threshold of Python's garbage collector: imports create a million lasting objects, which slow it down."""
PROGRAM = "dermbench"
COMPLETING = "_DERMBENCH_COMPLETE"
"""Environment variable that the shell's completion script sets."""
PIPE_CLOSED = 141
"""Exit code after a closed pipe, the same as for a program ended by SIGPIPE."""
WRONG_USAGE: Any = typer.BadParameter.__base__
"""Base class of all usage errors, which typer does not export by name."""


class StoppedError(DermbenchError):
    """A command was stopped by Ctrl-C or a signal, and has cleaned up."""

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__("terminated" if isinstance(cause, Terminated) else "interrupted")
        self.exit_code = cause.exit_code if isinstance(cause, Terminated) else 130


class Shell(Verbs):
    """The verbs; reports interruptions, and escapes control characters in usage errors."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments."""
        try:
            return super().make_context(*arguments, **options)
        except WRONG_USAGE as error:
            error.message = printable(error.message)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises
        ------
        StoppedError
            On Ctrl-C and on a signal to terminate.
        DermbenchError
            When a plug-in or library calls ``sys.exit``.
        """
        try:
            return super().invoke(ctx)
        except WRONG_USAGE as error:
            error.message = printable(error.message)
            raise
        except KeyboardInterrupt as error:
            raise StoppedError(error) from error
        except BrokenPipeError:  # nobody reads the output any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        except SystemExit as error:  # dermbench itself never calls sys.exit here
            from dermbench.registry import blame

            raise blame(error) or DermbenchError(f"another library ended the program: {error!r}") from error


app = typer.Typer(
    name="dermbench",
    cls=Shell,
    help="Benchmark and fairness evaluation of skin-lesion classifiers. Not for clinical use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"dermbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Benchmark and fairness evaluation of skin-lesion classifiers. Not for clinical use."""


def main() -> None:
    """Run the command line; print errors that a user can fix as one message on stderr, without a traceback.

    Exit codes: a :class:`dermbench.errors.DermbenchError` has its own; 2 for an unreadable or unwritable file and
    for an error in a plug-in; 130 for Ctrl-C; 141 for a closed pipe; 143 for SIGTERM. Any other exception is a
    defect of dermbench and shows its traceback.
    """
    _set_up()
    if COMPLETING in os.environ:  # an error message would garble the command line that is being completed
        with suppress(Exception):
            app(prog_name=PROGRAM)
        return
    try:
        app(prog_name=PROGRAM)
    except DermbenchError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'input/output'}: {error.strerror or error}", DermbenchError.exit_code)
    except Exception as error:
        from dermbench.registry import blame

        if (blamed := blame(error)) is None:
            raise
        _fail(str(blamed), blamed.exit_code)
    except KeyboardInterrupt as error:
        stopped = StoppedError(error)
        _fail(str(stopped), stopped.exit_code)


def _set_up() -> None:
    """Set up the process: garbage collection, threads, output encoding, signals."""
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    # threads that spin while waiting starve the others on shared cores: an epoch of 8 s took 90 s
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # characters outside the terminal's encoding become escapes
            stream.reconfigure(errors="backslashreplace")
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup sets SIGHUP to be ignored; keep that
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the form of a handler
    """Stop the command like Ctrl-C; a second signal ends the process immediately."""
    signal.signal(number, signal.SIG_DFL)
    raise Terminated(number)


def _fail(message: str, code: int) -> NoReturn:
    if message:  # in a distributed job only one process has a message
        colour = "red" if sys.stderr.isatty() else None
        typer.secho(f"error: {printable(message)}", fg=colour, err=True)
    sys.exit(code)
