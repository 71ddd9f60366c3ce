"""Every reader of files that the package has, found by its name, and what its valid files look like."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import dermbench
from dermbench.artifacts.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOT_FUZZED = {
    "dermbench.artifacts.guarded.read_bytes": "returns the bytes as they are",
    "dermbench.artifacts.records.Record.read": "read as its subclasses",
    "dermbench.training.data.pixels.load_samples": "takes a dataset that was read",
}
EXTRA = (
    "dermbench.artifacts.images.decode_rgb",
    "dermbench.artifacts.image_cache.open_cache",
    "dermbench.training.run.checkpoint.load_state",
    "dermbench.training.run.configure.load_config",
    "dermbench.training.predicting.run_loading.open_run",
    "dermbench.training.network.weights.load_file",
)
"""Readers whose name does not begin with ``read_``."""


@dataclass(frozen=True)
class Sample:
    """A valid file of a reader, with the files it needs beside it.

    Attributes
    ----------
    target
        Name of the file that is damaged.
    files
        Content by name.
    call
        Reads the folder that the files lie in.
    """

    target: str
    files: dict[str, bytes]
    call: Callable[[Path], object]

    def lay_out(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def found_readers():
    """Return the qualified names of all functions ``read_*`` that take a path or table, and of all records."""
    names = {name for name in EXTRA if has_training() or not name.startswith("dermbench.training")}
    for info in pkgutil.walk_packages(dermbench.__path__, "dermbench."):
        if info.name.endswith("__main__") or (info.name.startswith("dermbench.training") and not has_training()):
            continue
        for name, item in vars(importlib.import_module(info.name)).items():
            if getattr(item, "__module__", "") != info.name or name.startswith("_"):
                continue
            if inspect.isclass(item) and issubclass(item, Record):
                names.add(f"{info.name}.{name}.read")
            elif inspect.isfunction(item) and name.startswith("read_") and _takes_a_file(item):
                names.add(f"{info.name}.{name}")
    return names - NOT_FUZZED.keys()


def has_training():
    """Return whether the packages of training are installed."""
    return all(find_spec(name) for name in ("torch", "timm", "safetensors"))


def _takes_a_file(function):
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return first is not None and any(word in str(first.annotation) for word in ("Path", "Source"))
