"""GPU kernels (Triton) for what bounds the training of an EfficientNet: passes over activations.

A tensor (n, channels, height, width) whose channels lie last in memory is a table of n * height * width rows.
Batch normalisation followed by an activation reads and writes that table 13 times in a training step where each
operator stands alone, and 8 times here; squeeze-and-excitation 12 times, and 7 here. Sums are in float32, of
differences from a value of the same channel, and added up in a fixed order: the same bits each time.

A block of a table is as wide as a GPU reads well, and few layers have a multiple of that many channels. So a
kernel takes several rows for one, which lie side by side in memory, until the width suits (:func:`_blocks`):
column ``col`` of that wider table belongs to channel ``col % base``.

On a machine without a GPU the kernels run in Triton's interpreter (``TRITON_INTERPRET=1``), slowly.
"""

# ruff: noqa: ANN001, ANN202, D401, D403, N803, PLR0913, PLR0917 - kernels have no types
# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

if TYPE_CHECKING:
    from torch import Tensor

ACTIVATIONS = {"Identity": 0, "SiLU": 1, "ReLU": 2, "ReLU6": 3}
"""Number of each activation that the kernels know, by the name of its class."""

ROWS, COLUMNS = 64, 64
PROGRAMS = 1056
"""Programs that a kernel with sums is cut into: eight for each multiprocessor of a large GPU."""
FINISH_ROWS, FINISH_COLUMNS = 256, 16
COUNTS = ("m", "programs", "area", "rows")
"""Arguments that a kernel is not compiled anew for."""
WARPS = 8
STAGES = 1
"""Blocks of a table that a program has on their way from memory; programs enough are there to hide one's wait."""


@triton.jit
def _act(u, ACT: tl.constexpr):
    if ACT == 1:
        u = u * tl.sigmoid(u)
    elif ACT == 2:
        u = tl.maximum(u, 0.0)
    elif ACT == 3:
        u = tl.minimum(tl.maximum(u, 0.0), 6.0)
    return u


@triton.jit
def _slope(u, ACT: tl.constexpr):
    slope = tl.full(u.shape, 1.0, tl.float32)
    if ACT == 1:
        s = tl.sigmoid(u)
        slope = s * (1.0 + u * (1.0 - s))
    elif ACT == 2:
        slope = tl.where(u > 0.0, 1.0, 0.0)
    elif ACT == 3:
        slope = tl.where((u > 0.0) & (u < 6.0), 1.0, 0.0)
    return slope


@triton.jit
def _channels(col, base, V: tl.constexpr):
    """Channel of each column; V of them always lie side by side, from a multiple of V on."""
    return tl.max_contiguous(tl.multiple_of(col % base, V), V)


@triton.jit(do_not_specialize=COUNTS)
def _moments(x, part, m, c, base, rows, V: tl.constexpr, R: tl.constexpr, K: tl.constexpr, S: tl.constexpr):
    """Sums and sums of squares of x - x[0] over some rows: part[0 or 1, program, channel]."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    centre = tl.load(x + _channels(col, base, V), mask=ok, other=0.0).to(tl.float32)[None, :]
    first = tl.program_id(1) * rows
    s1 = tl.zeros([R, K], dtype=tl.float32)
    s2 = tl.zeros([R, K], dtype=tl.float32)
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = row[:, None].to(tl.int64) * c + col[None, :]
        d = tl.where(inside, tl.load(x + at, mask=inside, other=0.0).to(tl.float32) - centre, 0.0)
        s1 += d
        s2 += d * d
    at = tl.program_id(1) * c + col
    tl.store(part + at, tl.sum(s1, axis=0), mask=ok)
    tl.store(part + tl.num_programs(1) * c + at, tl.sum(s2, axis=0), mask=ok)


@triton.jit
def _total(part, programs, c, col, ok, R: tl.constexpr, K: tl.constexpr):
    total = tl.zeros([R, K], dtype=tl.float32)
    for start in range(0, programs, R):
        row = start + tl.arange(0, R)
        inside = (row < programs)[:, None] & ok[None, :]
        total += tl.load(part + row[:, None] * c + col[None, :], mask=inside, other=0.0)
    return tl.sum(total, axis=0)


@triton.jit(do_not_specialize=COUNTS)
def _finish_moments(
    x,
    part,
    programs,
    weight,
    bias,
    running_mean,
    running_var,
    found,
    m,
    c,
    eps,
    momentum,
    R: tl.constexpr,
    K: tl.constexpr,
):
    """found[0..3]: mean, 1 / standard deviation, and the factor and the summand of the normalisation."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    d = _total(part, programs, c, col, ok, R, K) / m
    var = tl.maximum(_total(part + programs * c, programs, c, col, ok, R, K) / m - d * d, 0.0)
    mean = tl.load(x + col, mask=ok, other=0.0).to(tl.float32) + d
    rstd = 1.0 / tl.sqrt(var + eps)
    scale = tl.load(weight + col, mask=ok, other=0.0) * rstd
    tl.store(found + col, mean, mask=ok)
    tl.store(found + c + col, rstd, mask=ok)
    tl.store(found + 2 * c + col, scale, mask=ok)
    tl.store(found + 3 * c + col, tl.load(bias + col, mask=ok, other=0.0) - mean * scale, mask=ok)
    before = tl.load(running_mean + col, mask=ok, other=0.0)
    tl.store(running_mean + col, before + momentum * (mean - before), mask=ok)
    before = tl.load(running_var + col, mask=ok, other=0.0)
    tl.store(running_var + col, before + momentum * (var * m / (m - 1) - before), mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _apply(
    x,
    y,
    found,
    m,
    c,
    base,
    rows,
    ACT: tl.constexpr,
    V: tl.constexpr,
    R: tl.constexpr,
    K: tl.constexpr,
    S: tl.constexpr,
):
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    scale = tl.load(found + 2 * base + channel, mask=ok, other=0.0)[None, :]
    offset = tl.load(found + 3 * base + channel, mask=ok, other=0.0)[None, :]
    first = tl.program_id(1) * rows
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = row[:, None].to(tl.int64) * c + col[None, :]
        u = tl.load(x + at, mask=inside, other=0.0).to(tl.float32) * scale + offset
        tl.store(y + at, _act(u, ACT).to(y.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=COUNTS)
def _gradient_sums(
    x,
    g,
    part,
    found,
    m,
    c,
    base,
    rows,
    ACT: tl.constexpr,
    V: tl.constexpr,
    R: tl.constexpr,
    K: tl.constexpr,
    S: tl.constexpr,
):
    """Sums of the gradient before the activation, and of it times x - mean: part[0 or 1, program, channel]."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    mean = tl.load(found + channel, mask=ok, other=0.0)[None, :]
    scale = tl.load(found + 2 * base + channel, mask=ok, other=0.0)[None, :]
    offset = tl.load(found + 3 * base + channel, mask=ok, other=0.0)[None, :]
    first = tl.program_id(1) * rows
    s1 = tl.zeros([R, K], dtype=tl.float32)
    s2 = tl.zeros([R, K], dtype=tl.float32)
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = row[:, None].to(tl.int64) * c + col[None, :]
        v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        du = tl.load(g + at, mask=inside, other=0.0).to(tl.float32) * _slope(v * scale + offset, ACT)
        s1 += du
        s2 += du * (v - mean)
    at = tl.program_id(1) * c + col
    tl.store(part + at, tl.sum(s1, axis=0), mask=ok)
    tl.store(part + tl.num_programs(1) * c + at, tl.sum(s2, axis=0), mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _finish_gradient(part, programs, found, done, m, c, R: tl.constexpr, K: tl.constexpr):
    """done[0..3]: gradients of weight and bias, and the two summands of the gradient of x."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    s1 = _total(part, programs, c, col, ok, R, K)
    s2 = _total(part + programs * c, programs, c, col, ok, R, K)
    rstd = tl.load(found + c + col, mask=ok, other=0.0)
    tl.store(done + col, s2 * rstd, mask=ok)
    tl.store(done + c + col, s1, mask=ok)
    tl.store(done + 2 * c + col, s1 / m, mask=ok)
    tl.store(done + 3 * c + col, s2 * rstd * rstd / m, mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _gradient(
    x,
    g,
    dx,
    found,
    done,
    m,
    c,
    base,
    rows,
    ACT: tl.constexpr,
    V: tl.constexpr,
    R: tl.constexpr,
    K: tl.constexpr,
    S: tl.constexpr,
):
    """dx = scale * (du - done[2] - (x - mean) * done[3]), as du * scale + x * slope + summand."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    mean = tl.load(found + channel, mask=ok, other=0.0)[None, :]
    scale = tl.load(found + 2 * base + channel, mask=ok, other=0.0)[None, :]
    offset = tl.load(found + 3 * base + channel, mask=ok, other=0.0)[None, :]
    k1 = tl.load(done + 2 * base + channel, mask=ok, other=0.0)[None, :]
    k2 = tl.load(done + 3 * base + channel, mask=ok, other=0.0)[None, :]
    first = tl.program_id(1) * rows
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = row[:, None].to(tl.int64) * c + col[None, :]
        v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        du = tl.load(g + at, mask=inside, other=0.0).to(tl.float32) * _slope(v * scale + offset, ACT)
        tl.store(dx + at, (scale * (du - k1 - (v - mean) * k2)).to(dx.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=COUNTS)
def _image_sums(a, b, part, area, c, rows, PAIR: tl.constexpr, R: tl.constexpr, K: tl.constexpr, S: tl.constexpr):
    """Sums over some rows of each image, of a or of a * b: part[program, image, channel]."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    first = tl.program_id(1) * rows
    base = tl.program_id(2).to(tl.int64) * area
    s = tl.zeros([R, K], dtype=tl.float32)
    for start in tl.range(first, tl.minimum(first + rows, area), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < area)[:, None] & ok[None, :]
        at = (base + row[:, None]) * c + col[None, :]
        v = tl.load(a + at, mask=inside, other=0.0).to(tl.float32)
        if PAIR:
            v = v * tl.load(b + at, mask=inside, other=0.0).to(tl.float32)
        s += v
    at = (tl.program_id(1) * tl.num_programs(2) + tl.program_id(2)) * c + col
    tl.store(part + at, tl.sum(s, axis=0), mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _gate(
    a,
    gate,
    add,
    out,
    area,
    c,
    base,
    rows,
    ADD: tl.constexpr,
    V: tl.constexpr,
    R: tl.constexpr,
    K: tl.constexpr,
    S: tl.constexpr,
):
    """out = a * gate[image], and + add[image], over some rows of each image."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = tl.program_id(2) * base + _channels(col, base, V)
    factor = tl.load(gate + channel, mask=ok, other=0.0).to(tl.float32)[None, :]
    if ADD:
        summand = tl.load(add + channel, mask=ok, other=0.0).to(tl.float32)[None, :]
    first = tl.program_id(1) * rows
    image = tl.program_id(2).to(tl.int64) * area
    for start in tl.range(first, tl.minimum(first + rows, area), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < area)[:, None] & ok[None, :]
        at = (image + row[:, None]) * c + col[None, :]
        v = tl.load(a + at, mask=inside, other=0.0).to(tl.float32) * factor
        if ADD:
            v += summand
        tl.store(out + at, v.to(out.dtype.element_ty), mask=inside)


def normalised(
    x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, Tensor], eps: float, momentum: float, act: int
) -> tuple[Tensor, Tensor]:
    """Return ``act(batch_norm(x))`` in training mode, and what :func:`normalised_backward` needs.

    Parameters
    ----------
    x
        Shape (n, c, h, w), channels last in memory, two rows or more.
    weight, bias
        Shape (c,), float32.
    running
        Running mean and (unbiased) variance, shape (c,), float32; updated in place.
    eps, momentum
        As in :class:`torch.nn.BatchNorm2d`.
    act
        A value of :data:`ACTIVATIONS`.
    """
    m, c = x.numel() // x.shape[1], x.shape[1]
    beside, options = _blocks(m, c)
    tall, wide = m // beside, c * beside
    grid, rows = _cut(tall, wide)
    part, found = torch.empty(2, grid[1], wide, device=x.device), torch.empty(4, c, device=x.device)
    _moments[grid](x, part, tall, wide, c, rows, **options)
    _finish_moments[(triton.cdiv(c, FINISH_COLUMNS),)](
        x,
        part,
        grid[1] * beside,
        weight,
        bias,
        *running,
        found,
        m,
        c,
        eps,
        momentum,
        R=FINISH_ROWS,
        K=FINISH_COLUMNS,
    )
    y = torch.empty_like(x)
    _apply[grid](x, y, found, tall, wide, c, rows, ACT=act, **options)
    return y, found


def normalised_backward(x: Tensor, g: Tensor, found: Tensor, act: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight and bias for the gradient ``g`` of :func:`normalised`'s result."""
    m, c = x.numel() // x.shape[1], x.shape[1]
    beside, options = _blocks(m, c)
    tall, wide = m // beside, c * beside
    grid, rows = _cut(tall, wide)
    part, done = torch.empty(2, grid[1], wide, device=x.device), torch.empty(4, c, device=x.device)
    _gradient_sums[grid](x, g, part, found, tall, wide, c, rows, ACT=act, **options)
    _finish_gradient[(triton.cdiv(c, FINISH_COLUMNS),)](
        part, grid[1] * beside, found, done, m, c, R=FINISH_ROWS, K=FINISH_COLUMNS
    )
    dx = torch.empty_like(x)
    _gradient[grid](x, g, dx, found, done, tall, wide, c, rows, ACT=act, **options)
    return dx, done[0], done[1]


def image_sums(a: Tensor, b: Tensor | None = None) -> Tensor:
    """Return the sums of a, or of a * b, over the pixels of each image and channel: (n, c, 1, 1), float32."""
    n, c, area = a.shape[0], a.shape[1], a.shape[2] * a.shape[3]
    beside, options = _blocks(area, c)
    del options["V"]
    (columns, programs), rows = _cut(area // beside, c * beside, n)
    part = torch.empty(programs, n, beside, c, device=a.device)
    _image_sums[(columns, programs, n)](
        a, a if b is None else b, part, area // beside, c * beside, rows, PAIR=b is not None, **options
    )
    return (part.sum((0, 2)) if programs * beside > 1 else part).view(n, c, 1, 1)


def gated(a: Tensor, gate: Tensor, add: Tensor | None = None) -> Tensor:
    """Return ``a * gate + add``; gate and add are of shape (n, c, 1, 1)."""
    n, c, area = a.shape[0], a.shape[1], a.shape[2] * a.shape[3]
    beside, options = _blocks(area, c)
    (columns, programs), rows = _cut(area // beside, c * beside, n)
    out, summand = torch.empty_like(a), gate if add is None else add
    _gate[(columns, programs, n)](
        a, gate, summand, out, area // beside, c * beside, c, rows, ADD=add is not None, **options
    )
    return out


def _blocks(m: int, c: int) -> tuple[int, dict[str, int]]:
    """Return how many rows of a table make one, and the options of the kernels.

    As many (a power of two to 8) as leave the least of its blocks of columns empty.
    """
    fitting = [beside for beside in (1, 2, 4, 8) if m % beside == 0]
    beside = max(fitting, key=lambda n: (c * n / (COLUMNS * triton.cdiv(c * n, COLUMNS)), -n))
    return beside, {"V": 1 if c % 8 else 8, "R": ROWS, "K": COLUMNS, "S": STAGES, "num_warps": WARPS}


def _cut(m: int, c: int, n: int = 1) -> tuple[tuple[int, int], int]:
    """Return blocks of columns and programs a block, of each of ``n`` tables; and rows a program."""
    columns = int(triton.cdiv(c, COLUMNS))
    rows = ROWS * int(triton.cdiv(m, ROWS * max(1, PROGRAMS // (columns * n))))
    return (columns, int(triton.cdiv(m, rows))), rows
