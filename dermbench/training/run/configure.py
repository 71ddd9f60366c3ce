"""Make a :class:`TrainConfig` from a preset or TOML file and ``--set key=value``."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from dermbench.artifacts.guarded import MAX_DEPTH, parse_toml, read_toml
from dermbench.errors import InputError, UsageError, suggest
from dermbench.training.config.train_config import Names, TrainConfig
from dermbench.training.data.balance import CLASS_WEIGHTS, LABELS, SAMPLERS
from dermbench.training.methods import validate_method, validate_options
from dermbench.training.run.optim import OPTIMIZERS
from dermbench.training.run.schedule import SCHEDULES
from dermbench.training.run.selection import SELECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

NAMES = Names(
    {
        "class_weights": CLASS_WEIGHTS,
        "sampler": SAMPLERS,
        "labels": LABELS,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "selection": SELECTIONS,
    },
    validate_method,
    validate_options,
)
PRESETS = files("dermbench.training.config") / "presets"
SUFFIX = ".toml"
SHOWN = 80
"""Largest number of characters of a value in a message."""


def preset_names() -> list[str]:
    """Return the names of the packaged presets, sorted."""
    return sorted(f.name.removesuffix(SUFFIX) for f in PRESETS.iterdir() if f.name.endswith(SUFFIX))


def load_config(
    *,
    preset: str | None = None,
    config: Path | str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
) -> TrainConfig:
    """Return the configuration of a run.

    Parameters
    ----------
    preset
        Name of a packaged preset.
    config
        TOML file, instead of a preset.
    overrides
        ``key=value`` texts; the value is TOML, and a bare word is text. Dots lead into tables:
        ``augment.rotation=30``.
    seed
        Replaces the configured seed.

    Raises
    ------
    UsageError
        When both or none of preset and file are given, the preset is unknown, or the file does not exist.
    InputError
        When keys are unknown or have wrong values; lists all, with the nearest known keys.
    """
    source, values = _base(preset, config)
    for text in overrides:
        _apply(values, text)
    if seed is not None:
        values["seed"] = seed
    return validate(source if not overrides else f"{source} with --set", values)


def validate(source: str, values: dict[str, Any]) -> TrainConfig:
    """Return configuration values as a TrainConfig; one :class:`InputError` lists all problems."""
    try:
        return TrainConfig.model_validate(values, context=NAMES)
    except ValidationError as error:
        raise InputError(source, [_problem(e) for e in error.errors()]) from error


def differing(first: dict[str, Any], second: dict[str, Any], *, prefix: str = "") -> list[str]:
    """Return the keys in which two configurations differ, as ``key: old -> new``, sorted."""
    found = []
    for key in sorted(first.keys() | second.keys()):
        old, new = first.get(key), second.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differing(old, new, prefix=f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {old!r} -> {new!r}")
    return found


def _base(preset: str | None, config: Path | str | None) -> tuple[str, dict[str, Any]]:
    names = preset_names()
    if (preset is None) == (config is None):
        raise UsageError(
            "a new run needs either a preset or a configuration file",
            remedy=f"--preset NAME ({', '.join(names)}) or --config FILE.toml",
        )
    if preset is not None:
        if preset not in names:
            raise UsageError(f"unknown preset {preset!r}; {suggest(preset, names)}")
        file = PRESETS / f"{preset}{SUFFIX}"
        return f"preset {preset}", parse_toml(file.name, file.read_bytes())
    return str(config), read_toml(Path(str(config)))


def _apply(values: dict[str, Any], text: str) -> None:
    key, separator, value = text.partition("=")
    steps = key.strip().split(".")
    if not separator or not all(steps) or len(steps) > MAX_DEPTH:
        raise UsageError(f"--set {shortened(text)!r} is not of the form key=value")
    for step in steps[:-1]:
        values = values.setdefault(step, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set {shortened(text)!r}: {step!r} holds a value, not a table")
    values[steps[-1]] = _value(value.strip())


def _value(text: str) -> Any:
    line = f"value = {text}"
    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return text  # a bare word
    except (ValueError, RecursionError):
        pass  # parse_toml says what is wrong
    return parse_toml(f"--set {shortened(text)}", line)["value"]


def _problem(error: ErrorDetails) -> str:
    location = [str(part) for part in error["loc"]]
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}; {suggest(name, _keys_beside(location))}"
    if error["type"] == "missing":
        return f"no value for {name!r}"
    return f"{name} = {shortened(repr(error['input']))}: {error['msg'].removeprefix('Value error, ')}"


def shortened(text: str) -> str:
    """Return text cut to :data:`SHOWN` characters."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _keys_beside(location: Iterable[str]) -> dict[str, Any]:
    model: type[BaseModel] = TrainConfig
    tables = list(location)[:-1]
    for part in tables:
        inner = model.model_fields[part].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return {".".join([*tables, name]): None for name in model.model_fields}
