"""Sources of datasets: one module for each release, found by its name; other packages add entry points."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from dermbench.data.source import SOURCES

if TYPE_CHECKING:
    from dermbench.data.source import Source

_BUILT_IN = {module.name.replace("_", "-"): module.name for module in iter_modules(__path__)}
"""Module of each built-in source; it is imported when the source is asked for."""


def source_names() -> list[str]:
    """Return the names of all sources, sorted."""
    return sorted({*_BUILT_IN, *SOURCES.names()})


def load_source(name: str) -> Source:
    """Return the source called ``name``.

    Raises
    ------
    RegistryError
        When there is none; the message suggests the nearest name.
    """
    for module in [_BUILT_IN[name]] if name in _BUILT_IN else _BUILT_IN.values():
        import_module(f"{__name__}.{module}")
    return SOURCES.get(name)
