"""Built-in metrics: one module per kind, each of which registers its metrics in ``METRICS``.

Every module in this package is imported, so a new one needs no entry elsewhere.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
