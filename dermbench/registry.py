"""The registry class for every kind of plug-in: metrics, sources, models, methods."""

from __future__ import annotations

import traceback
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar

from dermbench.errors import RegistryError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_LOADED: dict[str, str] = {}
"""{module: description of plug-in and package} of every plug-in loaded in this process."""
REMEDY = "Repair or uninstall the package that provides it."


class Registry(Generic[T]):
    """Named plug-ins of one kind: built-ins register by decorator, other packages by entry point.

    Entry points of the group are imported on the first look-up. A plug-in that fails to import, calls ``sys.exit``
    or is of the wrong kind raises an error on every look-up, never only a warning.

    Parameters
    ----------
    kind
        Kind of plug-in, in the singular, for messages: ``"metric"``.
    group
        Entry-point group, ``"dermbench.metrics"``. The name of an entry point is the name of the plug-in; its
        object is the plug-in.
    is_one
        Whether an object from another package is a plug-in of this kind.
    """

    def __init__(self, kind: str, group: str, *, is_one: Callable[[object], bool]) -> None:
        self.kind = kind
        self.group = group
        self.is_one = is_one
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
        """Return a decorator that registers an object under ``name``."""
        return lambda item: self.add(name, item)

    def get(self, name: str) -> T:
        """Return the plug-in called ``name``.

        Raises
        ------
        RegistryError
            When the name is unknown; the message suggests a similar one.
        """
        self._discover()
        if name in self._items:
            return self._items[name]
        raise RegistryError(f"unknown {self.kind} {name!r}; {suggest(name, self._items)}")

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
            found[point.name] = self._load(point)
        self._items.update(found)
        self._discovered = True

    def _load(self, point: EntryPoint) -> T:
        words = f"{self.kind} plug-in {point.name!r} ({point.value}{_package(point)})"
        _LOADED[point.module] = words
        try:
            item: T = point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # includes SystemExit, which would end the program without a message
            raise RegistryError(f"{words} failed to import: {error!r}", remedy=REMEDY) from error
        try:
            fits = self.is_one(item)
        except Exception as error:
            raise RegistryError(f"{words} cannot be inspected: {error!r}", remedy=REMEDY) from error
        if not fits:
            raise RegistryError(f"{words} is no {self.kind}: it is {type(item).__name__!r}", remedy=REMEDY)
        return item


def blame(error: BaseException) -> RegistryError | None:
    """Return an error that names the plug-in whose code raised ``error``; None if no plug-in did.

    Parameters
    ----------
    error
        Any exception with its traceback, including ``SystemExit``.
    """
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        words = next((text for name, text in _LOADED.items() if f"{module}.".startswith(f"{name}.")), None)
        if words is not None:
            return RegistryError(f"{words} raised {error!r} (line {line} of {module})", remedy=REMEDY)
    return None


def _package(point: EntryPoint) -> str:
    return "" if point.dist is None else f", package {point.dist.name} {point.dist.version}"
