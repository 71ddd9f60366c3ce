"""Training methods by name; other packages add some through the entry-point group ``dermbench.methods``."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError, create_model

from dermbench.errors import DermbenchError, UsageError, suggest
from dermbench.registry import Registry
from dermbench.training.methods.base import Method, MethodOptions, Targets, TrainingSplit
from dermbench.training.methods.dfr import DFR
from dermbench.training.methods.distill import Distill
from dermbench.training.methods.group_dro import GroupDRO
from dermbench.training.methods.losses import Focal, LogitAdjustment
from dermbench.training.methods.mixing import CutMix, Mixup

if TYPE_CHECKING:
    import torch

    from dermbench.training.config.train_config import TrainConfig

__all__ = [
    "METHODS",
    "Method",
    "MethodOptions",
    "Targets",
    "TrainingSplit",
    "make_method",
    "method_class",
    "validate_method",
    "validate_options",
]

METHODS: Registry[type[Method]] = Registry(
    "method", "dermbench.methods", is_one=lambda item: isinstance(item, type) and issubclass(item, Method)
)
"""Training methods by name."""

BUILT_IN: dict[str, type[Method]] = {
    "cutmix": CutMix,
    "dfr": DFR,
    "distill": Distill,
    "erm": Method,
    "focal": Focal,
    "group_dro": GroupDRO,
    "logit_adjustment": LogitAdjustment,
    "mixup": Mixup,
}
for _name, _class in BUILT_IN.items():
    METHODS.add(_name, _class)

EXCLUSIVE = ("order", "batch", "losses", "strata")
"""Hooks that only one method of a combination may set."""


@lru_cache
def method_class(names: str) -> type[Method]:
    """Return the method called ``names``, or the combination of methods joined by ``+``.

    :class:`RegistryError` for an unknown name, with the nearest known one; :class:`UsageError` when two methods
    set the same hook or option.
    """
    listed = [name.strip() for name in names.split("+")]
    classes = {name: METHODS.get(name) for name in listed}
    if len(classes) < len(listed):
        raise UsageError(f"method {names!r} names a method twice")
    if len(listed) == 1:
        return classes[listed[0]]
    for (one, first), (two, second) in combinations(classes.items(), 2):
        clash = [hook for hook in EXCLUSIVE if _overrides(first, hook) and _overrides(second, hook)]
        clash += [f"option {key}" for key in first.Options.model_fields if key in second.Options.model_fields]
        if clash:
            raise UsageError(f"methods {one!r} and {two!r} cannot be combined: both set {', '.join(clash)}")
    parts = tuple(c.Options for c in classes.values() if c.Options.model_fields)
    options = create_model("Options", __base__=parts or MethodOptions)
    return type(names, tuple(c for c in classes.values() if c is not Method), {"Options": options})


def validate_method(names: str) -> None:
    """Raise :class:`ValueError` for unknown methods and methods that cannot be combined."""
    try:
        method_class(names)
    except DermbenchError as error:
        raise ValueError(str(error)) from error


def validate_options(names: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a method, completed with defaults.

    :class:`ValueError` lists all unknown options, with the nearest known ones, and wrong values.
    """
    options = method_class(names).Options
    known = options.model_fields
    try:
        return options.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        problems = []
        for found in error.errors():
            key = ".".join(map(str, found["loc"]))
            hint = suggest(key, known) if known else "it has none"
            problems.append(
                f"method {names!r} has no option {key!r}; {hint}"
                if found["type"] == "extra_forbidden"
                else f"{key} = {found['input']!r}: {found['msg'].removeprefix('Value error, ')}"
            )
        raise ValueError("; ".join(problems)) from error


def make_method(config: TrainConfig, split: TrainingSplit, device: torch.device) -> Method:
    """Return the method of a run; :class:`UsageError` if it needs groups and the split has only one."""
    chosen = method_class(config.method)
    method = chosen(config, split, chosen.Options.model_validate(config.method_options), device)
    if method.needs_groups and len(split.group_names) < 2:
        raise UsageError(
            f"method {config.method!r} needs groups, and all training images are of group "
            f"{', '.join(split.group_names)!r} of {config.group_by!r}",
            remedy="Choose a column of the manifest with --set group_by=..., or another method.",
        )
    return method


def _overrides(method: type[Method], hook: str) -> bool:
    return getattr(method, hook) is not getattr(Method, hook)
