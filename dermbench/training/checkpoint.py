"""The state of a run in one file: tensors, with everything else as JSON in the file's header.

One file is replaced atomically, so a reader sees the state after one epoch or after another, never parts
of both. The weights of the best epoch lie in a file of their own that carries the epoch in its name: the
state names the one it means, and a run killed between two writes still finds its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch

from dermbench.artifacts.files import atomic_path
from dermbench.errors import InputError, UsageError, name_some
from dermbench.training.behind import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

LAST = "last.safetensors"
HEADER = "dermbench"
AT_ONCE = Writer(behind=False)
ANEW = "Start the run anew in another --out, or bring this file back from a backup."


@dataclass
class State:
    """Where a run stands; everything that is no tensor.

    Attributes
    ----------
    epoch, step
        Finished epochs and optimisation steps.
    best_epoch, best_score
        Chosen epoch so far (0: before the first) and its score.
    stale
        Epochs since the best one.
    stopped
        Why training ended; empty while it has not.
    history
        Rows of ``history.csv``.
    loss_sum, epoch_seconds
        Of the epoch under way: loss summed over images, and wall time.
    seconds
        Wall time a phase, summed over resumed parts.
    optimizer
        Scalars of the optimiser's state by parameter number and name.
    scaler
        State of the gradient scaler (fp16 only).
    method
        Tensors of the training method by name.
    identity
        Model, classes and dataset of the run.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int | None = None
    best_score: float | None = None
    stale: int = 0
    stopped: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    loss_sum: float = 0.0
    epoch_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    optimizer: dict[str, float] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    method: dict[str, Tensor] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)


def best_name(epoch: int) -> str:
    """Return the file name of the weights after ``epoch``."""
    return f"best-{epoch}.safetensors"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header as one safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        try:
            safetensors.torch.save_file(plain, temporary, metadata={HEADER: json.dumps(header, sort_keys=True)})
        except safetensors.SafetensorError as error:  # a full disk comes as this, not as OSError
            raise UsageError(f"{path}: cannot write ({_reason(error)})") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Raises
    ------
    InputError
        When the file is damaged or not of dermbench.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(HEADER)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(path, [f"not a readable safetensors file: {error}"], remedy=ANEW) from error
    if header is None:
        raise InputError(path, ["was not written by dermbench (no header)"], remedy=ANEW)
    return tensors, json.loads(header)


def _reason(error: BaseException) -> str:
    """Return what the system says, without what the library says around it."""
    return str(error).rpartition("I/O error: ")[2].partition(" (os error")[0]


def save_state(
    path: Path,
    state: State,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer | None,
    writer: Writer = AT_ONCE,
) -> None:
    """Write the state of a run as it is now.

    Parameters
    ----------
    path
        ``checkpoint/last.safetensors``.
    state
        Everything that is no tensor.
    modules
        ``model``, and ``ema`` where there is one.
    optimizer
        Its tensors are saved beside those of the modules.
    writer
        Does the writing.
    """
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
    kept, header = writer.kept(tensors), asdict(replace(state, method={}))
    writer.do(lambda: write_tensors(path, kept, header))


def load_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer | None,
    identity: Mapping[str, Any],
) -> State:
    """Read the state of a run into its modules and optimiser.

    Raises
    ------
    InputError
        When the checkpoint is damaged, or of another network, class set or dataset than ``identity`` says.
    """
    tensors, header = read_tensors(path)
    if set(header) != set(asdict(State())):
        raise InputError(path, ["was written by another version of dermbench"], remedy=ANEW)
    state = State(**header)
    problems = [
        f"is of another run ({name}: {found} instead of {identity.get(name)})"
        for name, found in state.identity.items()
        if found != identity.get(name)
    ]
    for part, module in modules.items():
        own = {k.removeprefix(f"{part}/"): v for k, v in tensors.items() if k.startswith(f"{part}/")}
        problems += [] if problems else _misfits(part, module.state_dict(), own)
    if problems:
        raise InputError(path, problems, remedy=ANEW)
    for part, module in modules.items():
        module.load_state_dict({k: tensors[f"{part}/{k}"] for k in module.state_dict()})
    state.method = {k.removeprefix("method/"): v for k, v in tensors.items() if k.startswith("method/")}
    if optimizer is not None:
        _load_optimizer(optimizer, tensors, state.optimizer)
    return state


def _misfits(part: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Return what keeps tensors from being the state of a module."""
    names = wanted.keys() ^ found.keys()
    shapes = [k for k in wanted.keys() & found.keys() if wanted[k].shape != found[k].shape]
    return [
        f"{part}: {len(keys):,} tensors {text}: {name_some(sorted(keys))}"
        for keys, text in ((names, "are only in one of network and checkpoint"), (shapes, "have another shape"))
        if keys
    ]


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
    optimizer.load_state_dict({**optimizer.state_dict(), "state": values})


def _laid_out_like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """Give a tensor the memory layout of its parameter: arithmetic then rounds as it did before the stop."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
