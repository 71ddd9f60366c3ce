"""Find the verbs of the command line in this package; running a verb imports only that verb's module."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

PACKAGE = "dermbench.cli"
LAST = 1_000
"""Place in the list of a module without ``PLACE``."""
UNLIMITED = 1_000
"""Longest summary in the list, in characters: long enough for all of them."""


@dataclass(frozen=True)
class Verb:
    """A verb that was found; its command is built on demand.

    Attributes
    ----------
    name
        Name on the command line.
    summary
        First paragraph of its help.
    place
        Place of its module in the list of verbs.
    home
        Typer application that its module registered it with.
    """

    name: str
    summary: str
    place: int
    home: typer.Typer

    def command(self) -> Any:
        """Build the command from the signature of its function; takes a few milliseconds."""
        return typer.main.get_group(self.home).commands[self.name]


@cache
def verbs_of(module: str) -> dict[str, Verb]:
    """Return the verbs of one module by name; none if it has no ``register``."""
    found = import_module(f"{PACKAGE}.{module}")
    if not hasattr(found, "register"):
        return {}
    home = typer.Typer(rich_markup_mode=None)
    found.register(home)
    infos: list[Any] = [
        *home.registered_commands,
        *map(typer.main.solve_typer_info_defaults, home.registered_groups),
    ]
    place = getattr(found, "PLACE", LAST)
    named = [
        (str(info.name or info.callback.__name__.replace("_", "-")), info) for info in infos if not info.hidden
    ]
    return {name: Verb(name, _summary(info), place, home) for name, info in named}


def _summary(info: Any) -> str:
    text = str(info.help or getattr(info.callback, "__doc__", None) or "")
    return " ".join(text.strip().partition("\n\n")[0].split())


class LazyCommands(MutableMapping[str, Any]):
    """Commands by name: those of the application, and those that the modules of this package register.

    A verb with the name of its module imports only that module; the list and any other name import all modules.

    Parameters
    ----------
    given
        Commands that were added to the application itself.
    """

    def __init__(self, given: MutableMapping[str, Any]) -> None:
        self._built = given

    def __getitem__(self, name: str) -> Any:
        """Return the command, built on first use."""
        if name not in self._built:
            own_module = verbs_of(name) if name in _modules() else {}
            self._built[name] = (own_module if name in own_module else _verbs())[name].command()
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**_verbs(), **self._built})

    def __len__(self) -> int:
        return len({**_verbs(), **self._built})


def _modules() -> list[str]:
    return [module.name for module in iter_modules(import_module(PACKAGE).__path__)]


def _verbs() -> dict[str, Verb]:
    """Return every verb by name, in the order of the list."""
    found = [verb for module in _modules() for verb in verbs_of(module).values()]
    return {verb.name: verb for verb in sorted(found, key=lambda verb: verb.place)}


class Listed(TyperGroup):
    """A group of verbs whose list shows complete summaries; its own options are flags."""

    def get_params(self, ctx: Any) -> Any:
        """Return the options; absent flags are False, because typer would import pydantic to read None."""
        options = super().get_params(ctx)
        for option in options:
            option.default = False if option.default is None else option.default
        return options

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the form of click
        """Return the names in the order of the list."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list: name and summary of each verb."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(ctx, name)) for name in self.list_commands(ctx)])

    def summary(self, ctx: Any, name: str) -> str:
        """Return the first sentence of the help of a verb."""
        return str(self.get_command(ctx, name).get_short_help_str(UNLIMITED))  # type: ignore[union-attr]


class Verbs(Listed):
    """All verbs; listing them builds no command."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands(self.commands)

    def summary(self, ctx: Any, name: str) -> str:
        """Return the first paragraph of the help of a verb."""
        found = _verbs()
        return found[name].summary if name in found else super().summary(ctx, name)
