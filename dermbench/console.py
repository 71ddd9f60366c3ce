"""The console for tables and styled lines; it shows untrusted text without interpreting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from dermbench.errors import printable

if TYPE_CHECKING:
    from rich.text import Text


class PlainConsole(Console):
    """A console that ignores markup and escapes control characters in strings, also in table cells."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as text for the terminal."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> None:
        """Raise, so that the command line chooses the exit code; rich would exit with 1."""
        raise BrokenPipeError


def make_console(*, stderr: bool = False, width: int | None = None, quiet: bool = False) -> PlainConsole:
    """Return the console for tables and styled lines.

    Parameters
    ----------
    stderr
        Whether it writes to stderr.
    width
        Characters per line; by default the width of the terminal.
    quiet
        Print nothing at all.
    """
    return PlainConsole(stderr=stderr, width=width, quiet=quiet, highlight=False, markup=False, emoji=False)
