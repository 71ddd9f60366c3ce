"""GPU kernels (Triton) for passes over activations, which limit the training speed of an EfficientNet.

A tensor (n, channels, height, width) with channels last in memory is a table of n * height * width rows. In a
training step, batch normalisation and activation as separate operators read or write that table 13 times, and 8
times here; squeeze-and-excitation does so 12 times, and 7 times here. Sums are in float32, over differences from a
value of the same channel, and in a fixed order, so that results have the same bits each time.

A block of a table has a width that a GPU reads well, but few layers have a multiple of that many channels. A
kernel therefore reads several adjacent rows as one wider row (:func:`_cut`): column ``col`` of the wider table
belongs to channel ``col % base``.

Without a GPU the kernels run slowly in Triton's interpreter (``TRITON_INTERPRET=1``).
"""

# ruff: noqa: ANN001, ANN202, D401, D403, N803, PLR0913, PLR0917 - kernels have no types
# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# mypy: disallow-untyped-decorators=False, check-untyped-defs=False
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from triton.language import constexpr  # noqa: TC002 - Triton reads annotations

if TYPE_CHECKING:
    from torch import Tensor

ACTIVATIONS = {"Identity": 0, "SiLU": 1, "ReLU": 2, "ReLU6": 3}
"""Numbers of the activations that the kernels support, by the name of the class."""

ROWS, COLUMNS = 64, 64
PROGRAMS = 1056
"""Number of programs of a kernel with sums: eight for each multiprocessor of a large GPU."""
FINISH = {"R": 256, "K": 16}
"""Rows and columns of a block of the kernels that add up the sums of all programs."""
COUNTS = ("m", "programs", "area", "rows")
"""Arguments whose values do not cause a new compilation."""
WARPS = 8
STAGES = 1
"""Number of blocks that a program loads ahead; the other programs hide the wait for memory."""


@triton.jit
def _act(u, ACT: constexpr):
    if ACT == 1:
        u = u * tl.sigmoid(u)
    elif ACT == 2:
        u = tl.maximum(u, 0.0)
    elif ACT == 3:
        u = tl.minimum(tl.maximum(u, 0.0), 6.0)
    return u


@triton.jit
def _slope(u, ACT: constexpr):
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
def _channels(col, base, V: constexpr):
    """Channel of each column; groups of V channels, from multiples of V, are contiguous."""
    return tl.max_contiguous(tl.multiple_of(col % base, V), V)


@triton.jit
def _each(values, channel, ok):
    """One value of each column, as a row in float32."""
    return tl.load(values + channel, mask=ok, other=0.0).to(tl.float32)[None, :]


@triton.jit
def _at(row, col, c):
    """Offsets of a block in a table of c columns."""
    return row[:, None].to(tl.int64) * c + col[None, :]


@triton.jit(do_not_specialize=COUNTS)
def _moments(x, part, m, c, base, rows, V: constexpr, R: constexpr, K: constexpr, S: constexpr):
    """Sums and sums of squares of x - x[0] over some rows: part[0 or 1, program, channel]."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    centre = _each(x, _channels(col, base, V), ok)
    first = tl.program_id(1) * rows
    s1 = tl.zeros([R, K], dtype=tl.float32)
    s2 = tl.zeros([R, K], dtype=tl.float32)
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = _at(row, col, c)
        d = tl.where(inside, tl.load(x + at, mask=inside, other=0.0).to(tl.float32) - centre, 0.0)
        s1 += d
        s2 += d * d
    at = tl.program_id(1) * c + col
    tl.store(part + at, tl.sum(s1, axis=0), mask=ok)
    tl.store(part + tl.num_programs(1) * c + at, tl.sum(s2, axis=0), mask=ok)


@triton.jit
def _total(part, programs, c, col, ok, R: constexpr, K: constexpr):
    total = tl.zeros([R, K], dtype=tl.float32)
    for start in range(0, programs, R):
        row = start + tl.arange(0, R)
        inside = (row < programs)[:, None] & ok[None, :]
        total += tl.load(part + row[:, None] * c + col[None, :], mask=inside, other=0.0)
    return tl.sum(total, axis=0)


@triton.jit(do_not_specialize=COUNTS)
def _finish_moments(
    x, part, programs, weight, bias, run_mean, run_var, found, m, c, eps, momentum, R: constexpr, K: constexpr
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
    before = tl.load(run_mean + col, mask=ok, other=0.0)
    tl.store(run_mean + col, before + momentum * (mean - before), mask=ok)
    before = tl.load(run_var + col, mask=ok, other=0.0)
    tl.store(run_var + col, before + momentum * (var * m / (m - 1) - before), mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _apply(x, y, found, m, c, base, rows, ACT: constexpr, V: constexpr, R: constexpr, K: constexpr, S: constexpr):
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    scale = _each(found + 2 * base, channel, ok)
    offset = _each(found + 3 * base, channel, ok)
    first = tl.program_id(1) * rows
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = _at(row, col, c)
        u = tl.load(x + at, mask=inside, other=0.0).to(tl.float32) * scale + offset
        tl.store(y + at, _act(u, ACT).to(y.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=COUNTS)
def _gradient_sums(
    x, g, part, found, m, c, base, rows, ACT: constexpr, V: constexpr, R: constexpr, K: constexpr, S: constexpr
):
    """Sums of the gradient before the activation, and of it times x - mean: part[0 or 1, program, channel]."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    mean = _each(found, channel, ok)
    scale = _each(found + 2 * base, channel, ok)
    offset = _each(found + 3 * base, channel, ok)
    first = tl.program_id(1) * rows
    s1 = tl.zeros([R, K], dtype=tl.float32)
    s2 = tl.zeros([R, K], dtype=tl.float32)
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = _at(row, col, c)
        v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        du = tl.load(g + at, mask=inside, other=0.0).to(tl.float32) * _slope(v * scale + offset, ACT)
        s1 += du
        s2 += du * (v - mean)
    at = tl.program_id(1) * c + col
    tl.store(part + at, tl.sum(s1, axis=0), mask=ok)
    tl.store(part + tl.num_programs(1) * c + at, tl.sum(s2, axis=0), mask=ok)


@triton.jit(do_not_specialize=COUNTS)
def _finish_gradient(part, programs, found, done, m, c, R: constexpr, K: constexpr):
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
    x, g, dx, found, done, m, c, base, rows, ACT: constexpr, V: constexpr, R: constexpr, K: constexpr, S: constexpr
):
    """dx = scale * (du - done[2] - (x - mean) * done[3]), as du * scale + x * slope + summand."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = _channels(col, base, V)
    mean = _each(found, channel, ok)
    scale = _each(found + 2 * base, channel, ok)
    offset = _each(found + 3 * base, channel, ok)
    k1 = _each(done + 2 * base, channel, ok)
    k2 = _each(done + 3 * base, channel, ok)
    first = tl.program_id(1) * rows
    for start in tl.range(first, tl.minimum(first + rows, m), R, num_stages=S):
        row = start + tl.arange(0, R)
        inside = (row < m)[:, None] & ok[None, :]
        at = _at(row, col, c)
        v = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        du = tl.load(g + at, mask=inside, other=0.0).to(tl.float32) * _slope(v * scale + offset, ACT)
        tl.store(dx + at, (scale * (du - k1 - (v - mean) * k2)).to(dx.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=COUNTS)
def _image_sums(a, b, part, area, c, rows, PAIR: constexpr, R: constexpr, K: constexpr, S: constexpr):
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
    a, gate, add, out, area, c, base, rows, ADD: constexpr, V: constexpr, R: constexpr, K: constexpr, S: constexpr
):
    """out = a * gate[image], and + add[image], over some rows of each image."""
    col = tl.program_id(0) * K + tl.arange(0, K)
    ok = col < c
    channel = tl.program_id(2) * base + _channels(col, base, V)
    factor = _each(gate, channel, ok)
    if ADD:
        summand = _each(add, channel, ok)
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

    x has the shape (n, c, h, w) with channels last in memory and n * h * w > 1. weight, bias, running mean and
    running variance (divisor n - 1) are float32, shape (c,); the running ones are updated in place. act is a value
    of :data:`ACTIVATIONS`.
    """
    m, c = x.numel() // x.shape[1], x.shape[1]
    grid, tall, wide, rows, options = _cut(m, c)
    programs, y = grid[1] * wide // c, torch.empty_like(x)
    part, found = torch.empty(2, grid[1], wide, device=x.device), torch.empty(4, c, device=x.device)
    _moments[grid](x, part, tall, wide, c, rows, **options)
    _finish_moments[(triton.cdiv(c, FINISH["K"]),)](
        x, part, programs, weight, bias, *running, found, m, c, eps, momentum, **FINISH
    )
    _apply[grid](x, y, found, tall, wide, c, rows, ACT=act, **options)
    return y, found


def normalised_backward(x: Tensor, g: Tensor, found: Tensor, act: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight and bias for the gradient ``g`` of :func:`normalised`'s result."""
    m, c = x.numel() // x.shape[1], x.shape[1]
    grid, tall, wide, rows, options = _cut(m, c)
    programs, dx = grid[1] * wide // c, torch.empty_like(x)
    part, done = torch.empty(2, grid[1], wide, device=x.device), torch.empty(4, c, device=x.device)
    _gradient_sums[grid](x, g, part, found, tall, wide, c, rows, ACT=act, **options)
    _finish_gradient[(triton.cdiv(c, FINISH["K"]),)](part, programs, found, done, m, c, **FINISH)
    _gradient[grid](x, g, dx, found, done, tall, wide, c, rows, ACT=act, **options)
    return dx, done[0], done[1]


def image_sums(a: Tensor, b: Tensor | None = None) -> Tensor:
    """Return the sums of a, or of a * b, over the pixels of each image and channel: (n, c, 1, 1), float32."""
    n, c = a.shape[:2]
    grid, tall, wide, rows, options = _cut(a.shape[2] * a.shape[3], c, n)
    del options["V"]
    part = torch.empty(grid[1], n, wide // c, c, device=a.device)
    _image_sums[(*grid, n)](a, a if b is None else b, part, tall, wide, rows, PAIR=b is not None, **options)
    return (part.sum((0, 2)) if grid[1] * wide > c else part).view(n, c, 1, 1)


def gated(a: Tensor, gate: Tensor, add: Tensor | None = None) -> Tensor:
    """Return ``a * gate + add``; gate and add are of shape (n, c, 1, 1)."""
    n, c = a.shape[:2]
    grid, tall, wide, rows, options = _cut(a.shape[2] * a.shape[3], c, n)
    out, summand = torch.empty_like(a), gate if add is None else add
    _gate[(*grid, n)](a, gate, summand, out, tall, wide, c, rows, ADD=add is not None, **options)
    return out


def _cut(m: int, c: int, n: int = 1) -> tuple[tuple[int, int], int, int, int, dict[str, int]]:
    """Return how kernels read ``n`` tables of m rows and c columns.

    The result is (number of blocks of columns, programs for each block), rows and columns of the wider table, rows
    for each program, and options. The wider table joins 1, 2, 4 or 8 rows, the number that leaves the least of its
    blocks of columns empty.
    """
    fitting = [beside for beside in (1, 2, 4, 8) if m % beside == 0]
    beside = max(fitting, key=lambda k: (c * k / (COLUMNS * triton.cdiv(c * k, COLUMNS)), -k))
    tall, wide = m // beside, c * beside
    columns = int(triton.cdiv(wide, COLUMNS))
    rows = ROWS * int(triton.cdiv(tall, ROWS * max(1, PROGRAMS // (columns * n))))
    options = {"V": 1 if c % 8 else 8, "R": ROWS, "K": COLUMNS, "S": STAGES, "num_warps": WARPS}
    return (columns, int(triton.cdiv(tall, rows))), tall, wide, rows, options
