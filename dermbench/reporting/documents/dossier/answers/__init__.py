"""Topics of checklists, one module per part of a study; each registers its functions in ``TOPICS``.

Every module in this package is imported automatically.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
