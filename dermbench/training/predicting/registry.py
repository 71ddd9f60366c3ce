"""Find predictors by the prefix of a candidate: modules of ``predictors/``, and those of other packages."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from dermbench.errors import UsageError
from dermbench.registry import Registry
from dermbench.training.predicting import predictors
from dermbench.training.predicting.predictor import OPTIONS, Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.training.predicting.predictor import Request

DEFAULT = "run"
"""Predictor of a path that no predictor recognises: a run folder, or the message that there is none."""


def _is_predictor(item: object) -> bool:
    return inspect.isclass(item) and issubclass(item, Predictor) and not inspect.isabstract(item)


PREDICTORS: Registry[type[Predictor]] = Registry("predictor", "dermbench.predictors", is_one=_is_predictor)
"""Predictors by prefix. The name of an entry point of the group ``dermbench.predictors`` is its prefix."""

for _module in sorted(module.name for module in iter_modules(predictors.__path__)):
    _found = vars(import_module(f"{predictors.__name__}.{_module}")).values()
    for _class in _found:
        if _is_predictor(_class) and _class.__module__ == f"{predictors.__name__}.{_module}":
            PREDICTORS.add(_class.prefix, _class)


def find_predictor(candidate: str, request: Request) -> Predictor:
    """Return the predictor that a candidate names: ``PREFIX:NAME``, or a path.

    Raises
    ------
    RegistryError
        When the prefix is unknown and no such file or folder exists; suggests the nearest prefix.
    UsageError
        When the predictor cannot do what is requested.
    """
    prefix, colon, name = candidate.partition(":")
    path = Path(candidate)
    if colon and (prefix in PREDICTORS or not (path.exists() or "/" in prefix)):
        return PREDICTORS.get(prefix)(name, request)
    meant = next(
        (kind for kind in map(PREDICTORS.get, PREDICTORS) if kind.is_meant(path)), PREDICTORS.get(DEFAULT)
    )
    return meant(candidate, request)


def find_predictors(candidates: Sequence[str], request: Request) -> tuple[Predictor, ...]:
    """Return the predictors of several candidates.

    Raises
    ------
    UsageError
        When an option is given that no predictor takes, or ``neighbours`` and not all take it; otherwise as for
        :func:`find_predictor`.
    """
    found = tuple(find_predictor(candidate, request) for candidate in candidates)
    for name, option in OPTIONS.items():
        refusing = [str(predictor) for predictor in found if name not in predictor.takes]
        if getattr(request, name) and refusing and (name == "neighbours" or len(refusing) == len(found)):
            takers = ", ".join(kind.form for kind in map(PREDICTORS.get, PREDICTORS) if name in kind.takes)
            raise UsageError(
                f"{option} is given, but {refusing[0]} does not take it", remedy=f"It goes with {takers}."
            )
    return found
