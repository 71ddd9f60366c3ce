"""Base class of the results of ``evaluate``, ``compare`` and ``plan``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dermbench.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from dermbench.reporting.figures import Drawing


class Result(ABC):
    """A result: prints as one line, shows itself in a notebook, and returns tables and figures."""

    @abstractmethod
    def _line(self) -> str:
        """Return the result in one line."""

    @abstractmethod
    def _repr_html_(self) -> str:
        """Return the first screen as HTML, which notebooks show; all text is escaped."""

    @abstractmethod
    def to_frame(self, name: str) -> pd.DataFrame:
        """Return one table of full-precision numbers."""

    @abstractmethod
    def _drawings(self) -> Mapping[str, Drawing]:
        """Return {name: figure} in reading order."""

    @abstractmethod
    def save(self, out: Path | str) -> list[Path]:
        """Write the files."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._line()})"

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of the figures, in reading order."""
        return tuple(self._drawings())

    def figure(self, name: str) -> Figure:
        """Return one of :attr:`figures` as a figure of matplotlib.

        Raises
        ------
        UsageError
            When there is no figure with this name; the message suggests one.
        """
        found = self._drawings()
        if name not in found:
            remedy = f"Figures: {suggest(name, found)}" if found else "There is nothing to draw."
            raise UsageError(f"no figure is called {name!r}", remedy=remedy)
        return found[name].figure()
