"""Limits of the hardware: bytes and operations of a training step, and measured rates of the device."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812 - the usual name
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from dermbench.training.config.device import MEMORY_FORMAT
from dermbench.training.network.network import build_network, freeze_norm

if TYPE_CHECKING:
    from collections.abc import Callable

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig

VIEWS = frozenset(
    {"view", "_unsafe_view", "reshape", "expand", "permute", "transpose", "t", "detach", "slice", "select"}
    | {"unsqueeze", "squeeze", "as_strided", "alias", "empty", "empty_like", "new_empty", "lift_fresh"}
)
"""Operators that move no data."""


@dataclass
class Floor:
    """Rates of the device (bytes/s, floating-point operations/s), and needs of one image in a step."""

    bandwidth: float
    arithmetic: float
    bytes_per_image: float
    flops_per_image: float


class Traffic(TorchDispatchMode):
    """Adds up the bytes of the tensors that each operator reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func._schema.name.split("::")[-1] not in VIEWS:  # noqa: SLF001 - operators have no other name
            leaves = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum({id(leaf): leaf.nbytes for leaf in leaves}.values())
        return out


def measure_floor(config: TrainConfig, runtime: Runtime, *, batch: int, n_classes: int) -> Floor:
    """Measure copy and product rates, and count bytes and operations of an eager step."""
    network = build_network(config, n_classes, pretrained=False)
    module = network.module
    runtime.place(module)
    module.train()
    if config.freeze_norm:
        freeze_norm(module, every=True)
    side = config.image_size
    images = torch.rand(batch, 3, side, side, device=runtime.device).contiguous(memory_format=MEMORY_FORMAT)
    labels = torch.zeros(batch, dtype=torch.int64, device=runtime.device)

    def step() -> None:
        with runtime.autocast():
            logits = module(images)
        F.cross_entropy(logits.float(), labels).backward()

    step()
    with Traffic() as traffic:
        step()
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        module(images)
    training = (
        3 * flops.get_total_flops()
    )  # backward: twice the forward pass; the counter is wrong for grouped convolutions
    return Floor(_bandwidth(runtime), _arithmetic(runtime), traffic.bytes / batch, training / batch)


def _bandwidth(runtime: Runtime) -> float:
    size = (1 << 30) if runtime.device.type == "cuda" else (1 << 27)
    source = torch.ones(size // 4, device=runtime.device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _seconds(lambda: target.copy_(source), runtime)


def _arithmetic(runtime: Runtime) -> float:
    n, dtype = (8192, torch.bfloat16) if runtime.device.type == "cuda" else (1024, torch.float32)
    a, b = (torch.rand(n, n, device=runtime.device, dtype=dtype) for _ in range(2))
    return 2 * n**3 / _seconds(lambda: torch.mm(a, b), runtime)


def _seconds(function: Callable[[], object], runtime: Runtime, repeats: int = 10) -> float:
    """Return the shortest time of a call."""
    best = float("inf")
    for _ in range(repeats):
        synchronise(runtime)
        started = time.perf_counter()
        function()
        synchronise(runtime)
        best = min(best, time.perf_counter() - started)
    return best


def synchronise(runtime: Runtime) -> None:
    """Wait for a GPU."""
    if runtime.device.type == "cuda":
        torch.cuda.synchronize(runtime.device)
