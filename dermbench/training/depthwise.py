"""Depthwise convolution whose training step in bf16 is fast on a CPU; the same weights and names.

Processors that multiply in bf16 do so twice as fast as in float32, yet a step of a network with depthwise
convolutions gets slower there: the libraries beneath torch have no such kernel for the weights' gradient of
5 x 5 windows, nor for the images' gradient where the stride is 2. :mod:`dermbench.training.native` has them. Where
that cannot be had, four windows of 3 x 3 cover one of 5 x 5, and for those there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import get_same_padding, pad_same
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from dermbench.training import native

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from dermbench.training.device import Runtime

COVERED = 3
"""Side of the windows whose gradient has a kernel."""
SIDES = (3, 5)
"""Sides of windows that such windows cover, from either end."""


def quicken(module: nn.Module, runtime: Runtime) -> int:
    """Let the depthwise convolutions of a network compute as :class:`QuickConv2d`.

    Parameters
    ----------
    module
        Network on its device.
    runtime
        Nothing is changed unless it computes in bf16 on a CPU with channels last.

    Returns
    -------
    int
        Number of layers changed.
    """
    if (runtime.device.type, runtime.precision, runtime.channels_last) != ("cpu", "bf16", True):
        return 0
    changed = 0
    for layer in module.modules():
        wanted = _QUICK.get(type(layer))
        if wanted is not None and _fits(cast("nn.Conv2d", layer)):
            layer.__class__ = wanted
            changed += 1
    return changed


def _fits(layer: nn.Conv2d) -> bool:
    side, stride = layer.kernel_size, layer.stride
    square = side[0] == side[1] and stride[0] == stride[1] and side[0] in SIDES and layer.dilation == (1, 1)
    depthwise = layer.groups == layer.in_channels == layer.out_channels > 1
    return square and depthwise and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


class QuickConv2d(nn.Conv2d):
    """Depthwise convolution; a training step under autocast makes its gradient by one of the functions below."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch gives it
        """Return the images convolved."""
        if not _suits(self, input):
            return super().forward(input)
        down, across = cast("tuple[int, int]", self.padding)
        if (
            native.available()
            and min(input.shape[2] + 2 * down, input.shape[3] + 2 * across) >= self.kernel_size[0]
        ):
            return _natively(self, input, (across, across, down, down))
        return _convolved(self, input.bfloat16(), (down, across))


class QuickConv2dSame(Conv2dSame):
    """The same for the layer of timm that pads as TensorFlow does."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the images convolved."""
        if not _suits(self, x):
            unchanged: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return unchanged
        if native.available():
            down, across = map(get_same_padding, x.shape[2:], self.kernel_size, self.stride, (1, 1))
            return _natively(self, x, (across // 2, across - across // 2, down // 2, down - down // 2))
        sides = (list(self.kernel_size), list(self.stride), list(self.dilation))
        return _convolved(self, pad_same(x.bfloat16(), *sides), (0, 0))


_QUICK: dict[type, type] = {nn.Conv2d: QuickConv2d, Conv2dSame: QuickConv2dSame}


def _suits(layer: nn.Conv2d, images: Tensor) -> bool:
    """Return whether images are convolved here: in bf16, for a gradient or where there are kernels in C."""
    if images.ndim != 4 or images.shape[1] != layer.in_channels or not images.numel():
        return False  # as torch says
    learns = torch.is_grad_enabled() and (images.requires_grad or layer.weight.requires_grad)
    bf16 = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return bf16 and (learns or native.available())


def _natively(layer: nn.Conv2d, images: Tensor, sides: Sequence[int]) -> Tensor:
    """Return the images convolved by the kernels in C; ``sides`` are zeros at the left, right, top and bottom."""
    left, right, top, bottom = sides
    (side, _), (stride, _) = layer.kernel_size, layer.stride
    height, width = (
        (length + zeros - side) // stride + 1
        for length, zeros in zip(images.shape[2:], (top + bottom, left + right), strict=True)
    )
    window = native.Window(side, stride, top, left, height, width)
    function: Any = _Native
    images = images.bfloat16().contiguous(memory_format=torch.channels_last)
    result: Tensor = function.apply(images, layer.weight, window)
    return result if layer.bias is None else result + layer.bias.bfloat16().view(1, -1, 1, 1)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, window: native.Window) -> Tensor:
        weight = weight.bfloat16()
        ctx.save_for_backward(images, weight)
        ctx.window = window
        even = 2 * window.top == 2 * window.left == window.side - 1
        if window.stride == 1 and even:  # torch has a good kernel for that
            return torch.conv2d(images, weight, None, 1, window.top, 1, images.shape[1])
        return native.depthwise(images, weight, window)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        images, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        size, of_images, of_weight = tuple(images.shape[2:]), None, None
        if ctx.needs_input_grad[0]:
            of_images = native.depthwise_images(gradient, weight, ctx.window, size)
        if ctx.needs_input_grad[1]:
            of_weight = native.depthwise_weight(images, gradient, ctx.window)
        return of_images, of_weight, None


def _convolved(layer: nn.Conv2d, images: Tensor, padding: tuple[int, int]) -> Tensor:
    if layer.stride[0] > 1 and any(padding):  # the kernels may read beyond images of one pixel that they pad
        down, across = padding
        images, padding = functional.pad(images, (across, across, down, down)), (0, 0)
    function: Any = _Depthwise
    result: Tensor = function.apply(images, layer.weight.bfloat16(), layer.stride[0], padding)
    return result if layer.bias is None else result + layer.bias.bfloat16().view(1, -1, 1, 1)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(images, weight, None, stride, padding, 1, images.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        images, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_images = of_weight = None
        if ctx.needs_input_grad[0]:
            of_images = _of_images(gradient, images, weight, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            of_weight = _of_weight(gradient, images, weight, ctx.stride, ctx.padding)
        return of_images, of_weight, None, None


def _backward(
    gradient: Tensor, images: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], wanted: list[bool]
) -> Any:
    rest = ([stride] * 2, padding, [1, 1], False, [0, 0], images.shape[1], [*wanted, False])
    return torch.ops.aten.convolution_backward(gradient, images, weight, None, *rest)


def _of_images(gradient: Tensor, images: Tensor, weight: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
    if stride > 1:  # of the images the shape alone matters
        gradient, weight = gradient.float(), weight.float()
        images = torch.empty_like(images, dtype=torch.float32)
    found: Tensor = _backward(gradient, images, weight, stride, padding, [True, False])[0]
    return found.bfloat16()


def _of_weight(gradient: Tensor, images: Tensor, weight: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
    side = weight.shape[-1]
    if side == COVERED:
        found: Tensor = _backward(gradient, images, weight, stride, padding, [False, True])[1]
        return found
    down, across = padding
    padded = functional.pad(images, (across, across, down, down))
    height, width = ((n - 1) * stride + COVERED for n in gradient.shape[2:])
    small, whole = weight[:, :, :COVERED, :COVERED].contiguous(), torch.empty_like(weight)
    starts = (0, side - COVERED)
    for top in starts:
        for left in starts:
            part = padded[:, :, top : top + height, left : left + width]
            part = part.contiguous(memory_format=torch.channels_last)
            of_part = _backward(gradient, part, small, stride, (0, 0), [False, True])[1]
            whole[:, :, top : top + COVERED, left : left + COVERED] = of_part
    return whole
