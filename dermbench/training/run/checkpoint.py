"""Save and load the state of a run: one file of tensors, with everything else as JSON in its header.

The file is replaced atomically, so it never mixes two epochs. The weights of the best epoch are in another file,
with the epoch in its name. The state names that epoch, so a run that is killed between the two writes still finds
the right file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from torch import Tensor

from dermbench.artifacts.records import validated
from dermbench.errors import InputError
from dermbench.training.network.tensor_files import as_input_error, fill, read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

Row = dict[str, int | float | None]
"""A row of the history."""
LAST = "last.safetensors"
START_AGAIN = "Start the run again in another --out, or restore this file from a backup."


class State(BaseModel):
    """State of a run.

    ``epoch`` and ``step`` count finished epochs and steps. ``best_epoch`` is the best so far (0: before the
    first), ``stale`` the number of epochs since. ``stopped`` says why training ended; it is empty until then.
    ``loss_sum`` (over images) and ``epoch_seconds`` belong to the current epoch. ``seconds`` is wall time by
    phase, summed over resumed parts. ``optimizer`` holds the scalars of its state by parameter number and name.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    epoch: int = Field(0, ge=0)
    step: int = Field(0, ge=0)
    best_epoch: int | None = Field(None, ge=0)
    stale: int = Field(0, ge=0)
    stopped: str = ""
    history: list[Row] = Field(default_factory=list)
    loss_sum: float = 0.0
    epoch_seconds: float = 0.0
    seconds: dict[str, float] = Field(default_factory=dict)
    optimizer: dict[Annotated[str, Field(pattern=r"^\d{1,9}/\w+$")], int | float] = Field(default_factory=dict)
    scaler: dict[str, int | float] = Field(default_factory=dict)
    method: dict[str, Tensor] = Field(default_factory=dict, exclude=True)
    identity: dict[str, JsonValue] = Field(default_factory=dict)


def best_name(epoch: int) -> str:
    """Return the file name of the weights after ``epoch``."""
    return f"best-{epoch}.safetensors"


def save_state(
    path: Path, state: State, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer | None
) -> None:
    """Write the state of a run, with the tensors of its modules (``model``, ``ema``) and its optimiser."""
    tensors = {f"{part}/{k}": v for part, module in modules.items() for k, v in module.state_dict().items()}
    state.optimizer = {}
    for number, values in (optimizer.state_dict()["state"] if optimizer else {}).items():
        for name, value in values.items():
            key = f"{number}/{name}"
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer/{key}"] = value
            elif value is not None:
                state.optimizer[key] = value
    tensors |= {f"method/{name}": tensor for name, tensor in state.method.items()}
    write_tensors(path, tensors, {name: getattr(state, name) for name in State.model_fields if name != "method"})


def load_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer | None,
    identity: Mapping[str, Any],
) -> State:
    """Read the state of a run into its modules and optimiser.

    :class:`InputError` when it is damaged, or its network, class set or dataset differs from ``identity``.
    """
    try:
        tensors, header = read_tensors(path)
        state = validated(path, State, header)
    except InputError as error:
        raise InputError(path, error.problems, remedy=START_AGAIN) from error
    problems = [
        f"is of another run ({name}: {found} instead of {identity.get(name)})"
        for name, found in {**dict.fromkeys(identity), **state.identity}.items()
        if found != identity.get(name)
    ]
    if problems:
        raise InputError(path, problems, remedy=START_AGAIN)
    for part, module in modules.items():
        own = {k.removeprefix(f"{part}/"): v for k, v in tensors.items() if k.startswith(f"{part}/")}
        fill(module, own, path, what=part, remedy=START_AGAIN)
    state.method = {k.removeprefix("method/"): v for k, v in tensors.items() if k.startswith("method/")}
    if optimizer is not None:
        with as_input_error(path, "the state of its optimiser does not fit", remedy=START_AGAIN):
            _load_optimizer(optimizer, tensors, state.optimizer)
    return state


def _load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], scalars: Mapping[str, float]
) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    values: dict[int, dict[str, Any]] = {}
    for key, value in scalars.items():
        number, _, name = key.partition("/")
        values.setdefault(int(number), {})[name] = value
    for key, tensor in tensors.items():
        part, _, rest = key.partition("/")
        if part == "optimizer":
            number, _, name = rest.partition("/")
            values.setdefault(int(number), {})[name] = _laid_out_like(parameters[int(number)], tensor)
    if not values.keys() <= set(range(len(parameters))) or len({frozenset(kept) for kept in values.values()}) > 1:
        raise ValueError("it is for other parameters, or incomplete")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": values})


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """Return a tensor in the memory layout of its parameter, so that arithmetic rounds as before the stop."""
    if not tensor.ndim:
        return tensor  # the number of steps
    if tensor.shape != parameter.shape:
        raise ValueError(f"a tensor has the shape {tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}")
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
