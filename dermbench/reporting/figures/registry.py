"""Registry of figures: modules of this package and entry points of other packages register what they draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dermbench.errors import RegistryError
from dermbench.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dermbench.artifacts.records import Record
    from dermbench.reporting.figures.drawing import Drawing

R = TypeVar("R", bound="Record")


@dataclass(frozen=True)
class Maker(Generic[R]):
    """A function that makes the drawings of one kind from a record.

    Attributes
    ----------
    record
        Type of the record: a report, a comparison or a plan.
    order
        Place in reading order, smallest first.
    make
        Function that returns the drawings; none if the record has no data for them. It must not import matplotlib;
        only ``draw`` of a drawing does.
    """

    record: type[R]
    order: int
    make: Callable[[R], Iterable[Drawing]]


FIGURES: Registry[Maker[Any]] = Registry(
    "figure", "dermbench.figures", is_one=lambda item: isinstance(item, Maker)
)
"""All kinds of figures."""


def figure(
    name: str, record: type[R], *, order: int
) -> Callable[[Callable[[R], Iterable[Drawing]]], Callable[[R], Iterable[Drawing]]]:
    """Return a decorator that registers a function that makes drawings of a record."""

    def register(make: Callable[[R], Iterable[Drawing]]) -> Callable[[R], Iterable[Drawing]]:
        FIGURES.add(name, Maker(record, order, make))
        return make

    return register


def drawings(record: Record) -> dict[str, Drawing]:
    """Return {name: drawing} of a record, in reading order.

    Raises
    ------
    RegistryError
        When two drawings have the same name.
    """
    makers = {name: FIGURES.get(name) for name in FIGURES}
    found: dict[str, Drawing] = {}
    for name in sorted(makers, key=lambda name: (makers[name].order, name)):
        fits = isinstance(record, makers[name].record)
        for drawing in makers[name].make(record) if fits else ():
            if drawing.name in found:
                raise RegistryError(f"figure {drawing.name!r} is drawn twice, the second time by {name!r}")
            found[drawing.name] = drawing
    return found
