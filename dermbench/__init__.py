"""dermbench: benchmark and fairness evaluation of skin-lesion classifiers.

Every stage is one function: :func:`prepare`, :func:`train`, :func:`predict`, :func:`evaluate`,
:func:`compare`. They are imported on first use, so that ``import dermbench`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "prepare": "dermbench.data",
    "check": "dermbench.data",
    "train": "dermbench.training",
    "predict": "dermbench.training",
    "evaluate": "dermbench.api",
    "compare": "dermbench.api",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - a list of literals, spelt once


def __getattr__(name: str) -> Any:
    """Import a public function from its room when it is first asked for."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'dermbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public functions, also those that were not asked for yet."""
    return sorted({*globals(), *_PUBLIC})
