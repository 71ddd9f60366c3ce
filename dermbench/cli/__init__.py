"""The Typer shell: one module a verb; each parses, calls its stage and prints.

A module of this room that has ``register(app)`` is found; ``PLACE``, a number, is its place in the list of verbs.
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
"""New objects after which Python looks for cycles: importing libraries makes a million that stay."""
PROGRAM = "dermbench"
COMPLETING = "_DERMBENCH_COMPLETE"
"""Set by the script that completes words in a shell."""
PIPE_CLOSED = 141
"""Exit code where the reader of a pipe goes before the end, as of programs that the signal for it ends."""
WRONG_USAGE: Any = typer.BadParameter.__base__
"""The error of all wrong usage, which typer has under no name of its own."""


class StoppedError(DermbenchError):
    """A command that Ctrl-C or the system stopped, after it has tidied up."""

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__("terminated" if isinstance(cause, Terminated) else "interrupted")
        self.exit_code = cause.exit_code if isinstance(cause, Terminated) else 130


class Shell(Verbs):
    """The verbs: one that is stopped says so, and messages about wrong usage are printable."""

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
            On Ctrl-C and on a signal that asks the program to end.
        DermbenchError
            When the code of a plug-in or library ends the program.
        """
        try:
            return super().invoke(ctx)
        except WRONG_USAGE as error:
            error.message = printable(error.message)
            raise
        except KeyboardInterrupt as error:
            raise StoppedError(error) from error
        except BrokenPipeError:  # whoever read the output has gone: nobody is left to tell
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        except SystemExit as error:  # no verb of dermbench ends the program this way
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
    """Run the command line; what a user can mend becomes one message on stderr and an exit code.

    A :class:`dermbench.errors.DermbenchError` exits with its own code, an unreadable or unwritable file with
    2, Ctrl-C with 130, a closed pipe with 141, SIGTERM with 143, what a plug-in raises with 2. Anything else is a
    defect of dermbench and shows its traceback.
    """
    _set_up()
    if COMPLETING in os.environ:  # a shell asks what may come next: an error would garble its line
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
    """Prepare the process: threads, output that no terminal's encoding can break, signals."""
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    # a thread that waits by spinning starves the others where cores are shared: an epoch of 8 s took 90 s
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that knows no dash gets its number
            stream.reconfigure(errors="backslashreplace")
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:  # what nohup ignores stays ignored
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the form of a handler
    """Stop the command as Ctrl-C does; a second signal ends the process at once."""
    signal.signal(number, signal.SIG_DFL)
    raise Terminated(number)


def _fail(message: str, code: int) -> NoReturn:
    if message:  # one process of a distributed job tells what all of them met
        colour = "red" if sys.stderr.isatty() else None
        typer.secho(f"error: {printable(message)}", fg=colour, err=True)
    sys.exit(code)
