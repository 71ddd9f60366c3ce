"""The formats of exports: one module a format, found by its name; other packages add theirs by entry point."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from dermbench.data.export.format import EXPORTS

if TYPE_CHECKING:
    from dermbench.data.export.format import Export

_BUILT_IN = tuple(module.name for module in iter_modules(__path__))


def format_names() -> list[str]:
    """Return the names of all formats, sorted."""
    return sorted({*_BUILT_IN, *EXPORTS.names()})


def load_format(name: str) -> Export:
    """Return the format called ``name``.

    Raises
    ------
    RegistryError
        When there is none; the message suggests the nearest name.
    """
    for module in [name] if name in _BUILT_IN else _BUILT_IN:
        import_module(f"{__name__}.{module}")
    return EXPORTS.get(name)
