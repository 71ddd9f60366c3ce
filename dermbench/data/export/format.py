"""Export formats: functions that write a prepared dataset to files, in one registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dermbench.artifacts.manifest import Dataset
from dermbench.registry import Registry


@dataclass(frozen=True)
class Exported:
    """Result of an export.

    Attributes
    ----------
    files
        Documents and tables that were written.
    images
        Number of images.
    said
        Sentences about differences between the export and the dataset.
    """

    files: tuple[Path, ...]
    images: int = 0
    said: tuple[str, ...] = ()


Export = Callable[[Dataset, Path], Exported]

EXPORTS: Registry[Export] = Registry("export format", "dermbench.exports", is_one=callable)
"""All formats by name; other packages add one through the entry-point group ``dermbench.exports``."""
