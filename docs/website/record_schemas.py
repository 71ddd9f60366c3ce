"""JSON Schemas of the records that dermbench writes, found among its modules."""

from __future__ import annotations

import ast
import html
import inspect
import json
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

PREFIX = "dermbench."
BEGINNING = """\
This page gives a JSON Schema for each record that dermbench writes. [File formats](formats.md) describes the
files. A schema describes keys and types. Reading a file with dermbench checks more, such as sums and references.
TOML files hold the keys of their schema."""


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    Attributes
    ----------
    model
        Class of the record.
    name
        Its schema id, such as ``dermbench.report/2``.
    """

    model: type[BaseModel]
    name: str

    @property
    def file(self) -> str:
        """Name of the file of the schema."""
        return f"{self.name.removeprefix(PREFIX).replace('/', '-')}.schema.json"

    @property
    def about(self) -> str:
        """First line of what its class says."""
        return (inspect.getdoc(self.model) or "").partition("\n")[0]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the record as it is read."""
        made = self.model.model_json_schema(by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": self.name}


def find_kinds(package: Path) -> list[Kind]:
    """Return every record of the package that has a schema id."""
    found = []
    for file in sorted([*(package / "artifacts").rglob("*.py"), *(package / "leaderboard").rglob("*.py")]):
        text = file.read_text(encoding="utf-8")
        if 'alias="schema"' in text:
            module = import_module(".".join(file.relative_to(package.parent).with_suffix("").parts))
            names = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
            models = [getattr(module, name) for name in names]
            found += [
                Kind(model, model.model_fields["schema_"].default)
                for model in models
                if "schema_" in getattr(model, "model_fields", {})
            ]
    return sorted(found, key=lambda kind: kind.name)


def page(kinds: list[Kind]) -> str:
    """Return the page of the schemas: what each record is, and the file to download."""
    rows = [f"| `{kind.name}` | {_words(kind.about)} | [{kind.file}](schema/{kind.file}) |" for kind in kinds]
    parts = [
        "# JSON Schema",
        BEGINNING,
        "\n".join(["| record | what it is | schema |", "|:--|:--|:--|", *rows]),
    ]
    return "\n\n".join(parts) + "\n"


def document(kind: Kind) -> str:
    """Return the file of a schema."""
    return json.dumps(kind.schema, indent=2, sort_keys=True) + "\n"


def _words(text: str) -> str:
    return html.escape(text.replace("``", "`"), quote=False).replace("|", "\\|")
