"""One small registry for every kind of plug-in: metrics, sources, models, methods."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar

from dermbench.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Registry(Generic[T]):
    """Named plug-ins of one kind: built-ins by decorator, outsiders by entry point.

    Entry points of the group are imported on the first look-up. One that fails to import raises on
    every look-up; it is never reduced to a warning.

    Parameters
    ----------
    kind
        What the plug-ins are, in the singular, for messages: ``"metric"``.
    group
        Entry-point group, ``"dermbench.metrics"``. An entry point's name is the plug-in's name and its
        object is the plug-in.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._items: dict[str, T] = {}
        self._discovered = False

    def add(self, name: str, item: T) -> T:
        """Register ``item`` under ``name``.

        Raises
        ------
        RegistryError
            When the name is taken.
        """
        if name in self._items:
            raise RegistryError(f"{self.kind} {name!r} is registered twice")
        self._items[name] = item
        return item

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under ``name``."""
        return lambda item: self.add(name, item)

    def get(self, name: str) -> T:
        """Return the plug-in called ``name``.

        Raises
        ------
        RegistryError
            When there is none; the message suggests the nearest name.
        """
        self._discover()
        if name in self._items:
            return self._items[name]
        near = difflib.get_close_matches(name, self._items, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self._items))}"
        raise RegistryError(f"unknown {self.kind} {name!r}; {hint}")

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._discover()
        return sorted(self._items)

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def _discover(self) -> None:
        if self._discovered:
            return
        found: dict[str, T] = {}
        for point in entry_points(group=self.group):
            if point.name in self._items or point.name in found:
                raise RegistryError(f"{self.kind} {point.name!r} of {point.value} is registered twice")
            try:
                found[point.name] = point.load()
            except Exception as error:
                raise RegistryError(
                    f"{self.kind} plug-in {point.name!r} ({point.value}) failed to import: {error!r}",
                    remedy="Repair or uninstall the package that provides it.",
                ) from error
        self._items.update(found)
        self._discovered = True
