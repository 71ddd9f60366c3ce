"""What an export format is: a function from a prepared dataset to files, in one registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dermbench.artifacts.manifest import Dataset
from dermbench.registry import Registry


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    files
        Documents and tables.
    images
        Number of images.
    said
        What is not in the export as it is in the dataset, in sentences.
    """

    files: tuple[Path, ...]
    images: int = 0
    said: tuple[str, ...] = ()


Export = Callable[[Dataset, Path], Exported]

EXPORTS: Registry[Export] = Registry("export format", "dermbench.exports", is_one=callable)
"""All formats by name; packages outside add one through the entry-point group ``dermbench.exports``."""
