"""Topics of checklists, one module a part of a study; each registers what it defines in ``TOPICS``.

A module that is put into this package is found by itself.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
