"""Layers that make fewer passes over memory in a training step, with the same weights, buffers and names."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, cast

import torch
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import nn
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from dermbench.training.config.device import Runtime

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def fuse(module: nn.Module, runtime: Runtime, say: Callable[[str], None]) -> int:
    """Let layers compute with :mod:`dermbench.training.speed.kernels`; return the number of changed layers.

    These are timm's batch normalisation with activation and its squeeze-and-excitation. Only the order of sums in
    training steps changes. Nothing changes without a CUDA device and Triton, or when Triton cannot compile for the
    device, which ``say`` reports.
    """
    if runtime.device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return 0
    try:
        try_out(runtime.device)
    except Exception as error:  # noqa: BLE001 - Triton has no class for a missing compiler or an old GPU
        say(f"layers are not fused: Triton cannot compile: {(str(error).strip() or repr(error)).splitlines()[0]}")
        return 0
    return fuse_layers(module)


def try_out(device: torch.device) -> None:
    """Run the kernels on a few numbers; raise the error if they cannot run."""
    layer = BatchNormAct2d(8, act_layer=nn.SiLU).to(device)
    fuse_layers(layer)
    images = torch.zeros(2, 8, 2, 2, device=device).contiguous(memory_format=torch.channels_last).requires_grad_()
    layer(images).sum().backward()
    torch.zeros(1, device=device).item()  # wait for the kernels


def fuse_layers(module: nn.Module) -> int:
    """Do what :func:`fuse` does on a GPU, on any device."""
    changed = 0
    for layer in module.modules():
        if type(layer) is SqueezeExcite:
            layer.__class__ = FusedSqueezeExcite
        elif type(layer) is BatchNormAct2d and FusedNormAct.fits(layer):
            layer.__class__ = FusedNormAct
        else:
            continue
        changed += 1
    return changed


class FusedNormAct(BatchNormAct2d):
    """Batch normalisation and activation; in training mode one pass for the statistics and one for the rest."""

    @staticmethod
    def fits(layer: Any) -> bool:
        """Return whether a layer has only learnt scales, running statistics and a known activation."""
        from dermbench.training.speed.kernels import ACTIVATIONS  # noqa: PLC0415 - needs triton

        complete = layer.affine and layer.track_running_stats and layer.momentum is not None
        return complete and isinstance(layer.drop, nn.Identity) and type(layer.act).__name__ in ACTIVATIONS

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised, activated images."""
        unfused, function, count = cast("tuple[Any, Any, Any]", (super(), _NormAct, self.num_batches_tracked))
        if not self.training or not _suits(x) or x.numel() == x.shape[1]:
            result: Tensor = unfused.forward(x)
        else:
            count.add_(1)
            result = function.apply(x, self.weight, self.bias, self)
        return result


class FusedSqueezeExcite(SqueezeExcite):
    """Squeeze-and-excitation with a gradient in two passes."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the images with their channels weighted."""
        unfused, function = cast("tuple[Any, Any]", (super(), _Excite))
        fused = self.training and _suits(x)
        result: Tensor = function.apply(x, self, *self.parameters()) if fused else unfused.forward(x)
        return result

    def weigh(self, mean: Tensor) -> Tensor:
        """Return the weights of the channels, shape (n, c, 1, 1), for their means."""
        weights: Tensor = self.gate(self.conv_expand(self.act1(self.conv_reduce(mean))))
        return weights


def _suits(x: Tensor) -> bool:
    return x.dtype in DTYPES and x.is_contiguous(memory_format=torch.channels_last)


class _NormAct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, layer: Any) -> Tensor:
        from dermbench.training.speed import kernels  # noqa: PLC0415 - needs triton

        ctx.act = kernels.ACTIVATIONS[type(layer.act).__name__]
        running = (layer.running_mean, layer.running_var)
        y, found = kernels.normalised(x, weight, bias, running, layer.eps, layer.momentum, ctx.act)
        ctx.save_for_backward(x, found)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        from dermbench.training.speed import kernels  # noqa: PLC0415 - needs triton

        x, found = ctx.saved_tensors
        g = g.contiguous(memory_format=torch.channels_last)
        return *kernels.normalised_backward(x, g, found, ctx.act), None


class _Excite(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Any, *parameters: Tensor) -> Tensor:
        from dermbench.training.speed import kernels  # noqa: PLC0415 - needs triton

        ctx.area = x.shape[2] * x.shape[3]
        mean = kernels.image_sums(x).div_(ctx.area).to(x.dtype).requires_grad_()
        with torch.enable_grad():
            gate = layer.weigh(mean)
        ctx.inner = (gate, mean, [p for p in parameters if p.requires_grad])
        ctx.wanted = [p.requires_grad for p in parameters]
        weights = gate.detach().contiguous()
        ctx.save_for_backward(x, weights)
        result: Tensor = kernels.gated(x, weights)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        from dermbench.training.speed import kernels  # noqa: PLC0415

        x, weights = ctx.saved_tensors
        gate, mean, learning = ctx.inner
        g = g.contiguous(memory_format=torch.channels_last)
        of_gate = kernels.image_sums(g, x).to(gate.dtype)
        of_mean, *of_parameters = torch.autograd.grad(gate, (mean, *learning), of_gate)
        found = iter(of_parameters)
        dx = kernels.gated(g, weights, (of_mean.float() / ctx.area).contiguous())
        return dx, None, *(next(found) if wanted else None for wanted in ctx.wanted)
