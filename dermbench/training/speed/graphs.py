"""CUDA graphs of a network's training pass: recorded once for each batch shape, then replayed.

A pass of an EfficientNet-B4 has about three thousand kernels. Launching them one by one from Python takes longer
than computing them; a graph launches all of them at once. Only the network is recorded, from input to logits and
from the gradient of the logits to those of the weights. Losses, methods and optimisers are not part of a graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from dermbench.training.config.device import Runtime

WARM_UPS = 2
"""Number of passes before a recording, in which libraries choose their kernels."""
SHAPES = 16
"""Largest number of shapes that are recorded."""


@dataclass
class Recorded:
    """The graphs of one shape, and the tensors that they read and write."""

    forward: Any
    backward: Any
    images: Tensor
    logits: Tensor
    gradient: Tensor
    gradients: tuple[Tensor | None, ...]


class Graphed:
    """Calls a network through graphs for up to :data:`SHAPES` batch shapes, and without graphs for others.

    The network is called in training mode; the kernels that it launches must not depend on the values of its
    input. If it cannot be recorded, ``say`` reports that and the network is called without graphs.
    """

    def __init__(self, module: nn.Module, runtime: Runtime, say: Callable[[str], None]) -> None:
        self.module, self.runtime, self.say = module, runtime, say
        self.learning = [p for p in module.parameters() if p.requires_grad]
        self.recorded: dict[torch.Size, Recorded] = {}
        self.works = True
        self._pool: Any = torch.cuda.graph_pool_handle() if runtime.device.type == "cuda" else None
        self._anchor = torch.zeros(1, requires_grad=True)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits; their backward pass replaces the gradient of every weight."""
        graph = self.recorded.get(images.shape)
        if graph is None and self.works and len(self.recorded) < SHAPES:
            graph = self._try_to_record(images)
        replay = cast("Any", _Replay).apply
        logits: Tensor = self.module(images) if graph is None else replay(self._anchor, images, self, graph)
        return logits

    def _try_to_record(self, images: Tensor) -> Recorded | None:
        state = torch.cuda.get_rng_state(self.runtime.device)
        buffers = [(buffer, buffer.clone()) for buffer in self.module.buffers()]
        try:
            with torch.enable_grad():
                self.recorded[images.shape] = self._record(images)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.works = False
            torch.cuda.synchronize(self.runtime.device)
            self.say(f"not recorded as CUDA graphs: {str(error).strip().splitlines()[0]}")
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
            torch.cuda.set_rng_state(state, self.runtime.device)
        return self.recorded.get(images.shape)

    def _record(self, images: Tensor) -> Recorded:
        kept = images.detach().clone()
        side, current = torch.cuda.Stream(self.runtime.device), torch.cuda.current_stream(self.runtime.device)  # type: ignore[no-untyped-call]
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                logits = self._pass(kept)
                self._gradients(logits, torch.zeros_like(logits))
        del logits
        current.wait_stream(side)
        forward, backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(forward, pool=self._pool, capture_error_mode="thread_local"):
            logits = self._pass(kept)
        gradient = torch.zeros_like(logits)
        with torch.cuda.graph(backward, pool=self._pool, capture_error_mode="thread_local"):
            gradients = self._gradients(logits, gradient)
        return Recorded(forward, backward, kept, logits.detach(), gradient, gradients)

    def _pass(self, images: Tensor) -> Tensor:
        with self.runtime.autocast(cache=False):
            logits: Tensor = self.module(images)
        return logits

    def _gradients(self, logits: Tensor, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(logits, self.learning, gradient, allow_unused=True)


class _Replay(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchor: Tensor, images: Tensor, graphed: Graphed, graph: Recorded) -> Tensor:  # noqa: ARG004
        ctx.graphed, ctx.graph = graphed, graph
        graph.images.copy_(images)
        graph.forward.replay()
        return graph.logits.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None, None]:
        graph: Recorded = ctx.graph
        graph.gradient.copy_(gradient)
        graph.backward.replay()
        for parameter, found in zip(ctx.graphed.learning, graph.gradients, strict=True):
            parameter.grad = found
        return None, None, None, None
