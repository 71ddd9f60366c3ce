"""Pages of the reference that are made from the code: command line, Python, plug-ins."""

from __future__ import annotations

import ast
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer
import typer.main

import dermbench
from dermbench.cli import PROGRAM, app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESULTS = ("EvaluationResult", "ComparisonResult", "PlanResult")
PLUG_INS = """\
This page says what a plug-in of each kind must be. A plug-in is one file in a folder of dermbench, or an entry
point of a package of your own. [Contributing](../CONTRIBUTING.md#add-something) names the folders."""
FIRST = ("metric", "source", "task", "predictor", "method")
PLAIN = {"type", "Callable", "Any", "Registry"}
"""Names in the type of a registry that are not those of its plug-ins."""


def command_line() -> str:
    """Return the page of the command line: every verb with its arguments, options, defaults and ranges."""
    root = typer.main.get_command(app)
    context: Any = typer.Context(root, info_name=PROGRAM)
    parts = [
        "# Command line",
        "This page lists every command with its options. `dermbench COMMAND --help` prints the same.",
        *_options(root, context),
    ]
    for depth, words, command, inner in _verbs(root, context, 2):
        parts += [f"{'#' * depth} `{words}`", html.escape(command.help or "", quote=False)]
        if not hasattr(command, "commands"):
            usage = " ".join(command.get_usage(inner).split()).removeprefix("Usage: ")
            parts += [f"```text\n{usage}\n```", *_options(command, inner)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verbs(group: Any, context: Any, depth: int) -> Iterator[tuple[int, str, Any, Any]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = typer.Context(command, info_name=name, parent=context)
        yield depth, inner.command_path, command, inner
        if hasattr(command, "commands"):
            yield from _verbs(command, inner, depth + 1)


def _options(command: Any, context: Any) -> list[str]:
    """Return a definition list of what a command takes, in the words of its help."""
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    return [
        f"`{name}`\n:   {html.escape(text, quote=False) or 'See above.'}" for name, text in filter(None, records)
    ]


def python() -> str:
    """Return the page of the public names of dermbench: functions, results, other classes."""
    public = [name for name in dir(dermbench) if not name.startswith("__")]
    functions = [name for name in public if name.islower()]
    others = [name for name in public if name not in {*functions, *RESULTS}]
    parts = [
        "# Python API",
        "This page lists the public names of `dermbench`. All of them come with `import dermbench`.",
        *("## Functions", *map(_described, functions)),
        *("## Results", *map(_described, RESULTS)),
        *("## Datasets, predictions, runs", *map(_described, others)),
    ]
    return "\n\n".join(parts) + "\n"


def _described(name: str) -> str:
    """Return what mkdocstrings replaces by the docstring of a public name, where it is defined."""
    found = getattr(dermbench, name)
    return (
        f"::: {found.__module__}.{found.__qualname__}\n    options: {{heading_level: 3, inherited_members: true}}"
    )


@dataclass(frozen=True)
class Kind:
    """A kind of plug-in.

    Attributes
    ----------
    name, group
        What it is, and its entry-point group.
    module
        Module that says what such a plug-in must be.
    """

    name: str
    group: str
    module: str


def find_kinds(package: Path) -> list[Kind]:
    """Return every kind of plug-in that has a registry in the package; those that most authors need come first."""
    found: list[Kind] = []
    for file in package.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if "Registry(" in text:
            module = ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
            found += _kinds_of(ast.parse(text), module)
    return sorted(found, key=lambda kind: (kind.name not in FIRST, kind.name))


def _kinds_of(tree: ast.Module, module: str) -> Iterator[Kind]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    origins = {alias.name: node.module for node in imports for alias in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(annotation=held, value=ast.Call(func=ast.Name("Registry"), args=[name, group])):
                names = [part.id for part in ast.walk(held) if isinstance(part, ast.Name) and part.id not in PLAIN]
                yield Kind(ast.literal_eval(name), ast.literal_eval(group), origins.get(names[0]) or module)


def plug_ins(package: Path) -> str:
    """Return the page of what an author of plug-ins meets, for each kind of plug-in."""
    parts = ["# Plug-ins", PLUG_INS]
    for kind in find_kinds(package):
        options = "{heading_level: 3, show_root_heading: false, show_root_toc_entry: false}"
        parts += [f"## {kind.name.capitalize()}s", f"Entry points: `{kind.group}`"]
        parts += [f"::: {kind.module}\n    options: {options}"]
    return "\n\n".join(parts) + "\n"
