"""Kernels in C for what bounds a training step in bf16 on a CPU: passes over activations.

``native.c`` is compiled for the processor at hand when a run first wants it, and kept in the user's cache under
what it was made of. Without a C compiler, or where the result does not work, nothing is missing but speed:
everything here has a form in torch alone.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from dermbench.artifacts.files import atomic_path, write_text
from dermbench.artifacts.hashing import file_digest
from dermbench.errors import DermbenchError

if TYPE_CHECKING:
    from torch import Tensor

SOURCE = Path(__file__).with_name("native.c")
COMPILERS = ("cc", "gcc", "clang")
OPENMP = "-fopenmp"
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
PATIENCE = 120
"""Seconds that a compiler is given."""
ACTIVATIONS = {"Identity": 0, "SiLU": 1, "ReLU": 2, "ReLU6": 3}
"""Number of each activation that :func:`normalised` knows, by the name of its class."""
SIDES = (3, 5)
"""Sides of the windows that :func:`depthwise` knows."""

SHAPE = "n channels height width out_height out_width side stride top left".split()  # noqa: SIM905
"""Fields of ``shape`` in the source, in order."""

_pointer, _number, _real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
_ARGUMENTS = {
    "depthwise": [_pointer] * 4 + [_number],
    "depthwise_images": [_pointer] * 4 + [_number],
    "depthwise_weight": [_pointer] * 4 + [_number],
    "activate": [_pointer] * 3 + [ctypes.c_int64, _number, _number, _number],
    "normalise": [_pointer] * 7 + [ctypes.c_int64, _number, _real, _real, _number, _number],
    "normalise_backward": [_pointer] * 6 + [ctypes.c_int64, _number, _number, _number, _number],
    "image_sums": [_pointer] * 3 + [ctypes.c_int64, ctypes.c_int64, _number, _number],
    "gated": [_pointer] * 4 + [ctypes.c_int64, ctypes.c_int64, _number, _number],
}


class NativeError(DermbenchError):
    """The kernels cannot be had here."""


class Window(NamedTuple):
    """How a depthwise convolution looks at an image.

    Attributes
    ----------
    side, stride
        Of the square window, in pixels.
    top, left
        Rows and columns of zeros before the image; after it there are as many as the output needs.
    height, width
        Of the output.
    """

    side: int
    stride: int
    top: int
    left: int
    height: int
    width: int


class _Shape(ctypes.Structure):
    _fields_ = tuple((name, _number) for name in SHAPE)


@functools.cache
def available() -> bool:
    """Return whether the kernels are there and work."""
    return not why_not()


@functools.cache
def why_not() -> str:
    """Return what keeps the kernels from working here, in words; empty when nothing does."""
    try:
        library()
        _try_out()
    except Exception as error:  # noqa: BLE001 - whatever it is, torch computes the same
        return (str(error).strip() or repr(error)).splitlines()[0]
    return ""


@functools.cache
def library() -> ctypes.CDLL:
    """Return the kernels, compiled when they have not been for this source, compiler and processor.

    Raises
    ------
    NativeError
        When there is no compiler, or it cannot compile them.
    OSError
        When what it made cannot be kept or loaded.
    """
    if os.name != "posix":
        raise NativeError(f"not on {platform.system()}")
    wanted = [os.environ["CC"]] if os.environ.get("CC") else COMPILERS
    compilers = [shlex.split(name) for name in wanted if name.split() and shutil.which(name.split()[0])]
    if not compilers:
        raise NativeError(f"no C compiler (looked for {', '.join(wanted)})")
    loaded = ctypes.CDLL(str(_made(compilers[0])))
    for name, kinds in _ARGUMENTS.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = kinds, _number
    return loaded


def _made(compiler: list[str]) -> Path:
    """Return the file of the kernels: one that was kept whole, else a new one.

    Raises
    ------
    NativeError
        When it cannot be compiled, or only for one thread where there are more.
    """
    folder, made_of = _cache(), _made_of(compiler)
    whole, serial = (folder / f"native-{made_of}{kind}.so" for kind in ("", "-serial"))
    if _is_kept(whole) or not (problem := _compile([*compiler, OPENMP], whole)):
        return whole
    if torch.get_num_threads() > 1:
        raise NativeError(f"{problem} (for one thread: OMP_NUM_THREADS=1)")
    if _is_kept(serial) or not (problem := _compile(compiler, serial)):
        return serial
    raise NativeError(problem)


def _made_of(compiler: list[str]) -> str:
    version = _run([*compiler, "--version"]).stdout.encode()
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else []
    processor = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    words = repr((compiler, FLAGS)).encode()
    made = [SOURCE.read_bytes(), version, processor.encode(), platform.machine().encode(), words]
    return hashlib.sha256(b"\0".join(made)).hexdigest()[:24]


def _hash_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _is_kept(path: Path) -> bool:
    """Return whether a file is there as it was made: half a library would end the process that loads it."""
    if not (path.is_file() and _hash_of(path).is_file()):
        return False
    return _hash_of(path).read_text(encoding="ascii", errors="replace") == file_digest(path)


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    options: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace"}
    return subprocess.run(words, check=False, timeout=PATIENCE, **options)  # noqa: S603 - a compiler


def _cache() -> Path:
    """Return the folder that this user alone can write to, or one of this process where there is none."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dermbench"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
        if os.access(folder, os.W_OK) and about.st_uid == os.getuid() and not about.st_mode & OTHERS_WRITE:
            return folder
    except (OSError, RuntimeError):  # no home, or no place in it
        pass
    own = Path(tempfile.mkdtemp(prefix="dermbench-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def _compile(compiler: list[str], path: Path) -> str:
    """Compile to ``path``, so that no process sees half of it; return what went wrong, if anything."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        trial = Path(folder) / path.name
        done = _run([*compiler, *FLAGS, "-o", str(trial), str(SOURCE), "-lm"])
        if done.returncode:
            return f"{' '.join(compiler)} cannot compile {SOURCE.name}: {done.stderr.strip()[:200]}"
        with atomic_path(path) as made:
            shutil.copyfile(trial, made)
        write_text(_hash_of(path), file_digest(trial))
    return ""


def _try_out() -> None:
    """Run every kernel on a few numbers whose result is known."""
    cpu: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}
    ones = torch.ones(2, 3, 3, 20, **cpu).bfloat16().permute(0, 3, 1, 2)  # channels last
    window, weight = Window(3, 1, 1, 1, 3, 3), torch.ones(20, 1, 3, 3, **cpu)
    middle = [
        depthwise(ones, weight, window)[:, :, 1, 1],
        depthwise_images(ones, weight, window, (3, 3))[:, :, 1, 1],
        depthwise_weight(ones, ones, window)[:, 0, 1, 1] / 2,
    ]
    steps = (
        torch.arange(18, **cpu).view(2, 3, 3, 1).expand(-1, -1, -1, 20).bfloat16().contiguous().permute(0, 3, 1, 2)
    )
    one, zero = torch.ones(20, **cpu), torch.zeros(20, **cpu)
    y, found = normalised(steps, one, zero, (zero.clone(), one.clone()), 0.0, 0.1, 0)
    dx = normalised_backward(steps, steps, found, 0)[0]
    works = all(bool((values == 9).all()) for values in middle)
    silu = normalised_as(steps, one, zero, (zero, one), 0.0, ACTIVATIONS["SiLU"])[0].float()
    works &= bool((silu - torch.nn.functional.silu(steps.float())).abs().max() < 0.05)
    works &= bool((gated(ones, image_sums(ones), image_sums(ones, ones)) == 18).all())
    if not (works and abs(float(y.float().std(correction=0)) - 1) < 0.01 and float(dx.float().abs().max()) < 0.1):
        raise NativeError("what the compiler made of the kernels computes something else")


def _call(name: str, *arguments: Any) -> None:
    if getattr(library(), name)(*arguments, torch.get_num_threads()):
        raise MemoryError(name)


def _shape(images: tuple[int, ...], window: Window) -> Any:
    n, channels, height, width = images
    side, stride, top, left, out_height, out_width = window
    return ctypes.byref(_Shape(n, channels, height, width, out_height, out_width, side, stride, top, left))


def _empty(n: int, channels: int, height: int, width: int) -> Tensor:
    return torch.empty((n, height, width, channels), dtype=torch.bfloat16, device="cpu").permute(0, 3, 1, 2)


def _numbers(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device="cpu")


def are_numbers(*tensors: Tensor | None) -> bool:
    """Return whether tensors are what the kernels take for parameters: float32, side by side, on the CPU."""
    return all(
        t is not None and t.dtype == torch.float32 and t.is_contiguous() and t.device.type == "cpu"
        for t in tensors
    )


def _rows(weight: Tensor) -> Tensor:
    """Return the windows as the kernels have them: (side * side, channels)."""
    return weight.float().flatten(1).t().contiguous()


def depthwise(images: Tensor, weight: Tensor, window: Window) -> Tensor:
    """Convolve each channel with a window of its own.

    Parameters
    ----------
    images
        bf16, shape (n, channels, height, width), channels last in memory; so is what is returned.
    weight
        Shape (channels, 1, side, side).
    window
        Where it looks.
    """
    n, channels = images.shape[:2]
    rows, out = _rows(weight), _empty(n, channels, window.height, window.width)
    pointers = (t.data_ptr() for t in (images, rows, out))
    _call("depthwise", _shape(images.shape, window), *pointers)
    return out


def depthwise_images(gradient: Tensor, weight: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
    """Return the gradient of the images, whose height and width are ``size``, from that of the output."""
    n, channels = gradient.shape[:2]
    rows, out = _rows(weight), _empty(n, channels, *size)
    pointers = (t.data_ptr() for t in (gradient, rows, out))
    _call("depthwise_images", _shape(out.shape, window), *pointers)
    return out


def depthwise_weight(images: Tensor, gradient: Tensor, window: Window) -> Tensor:
    """Return the gradient of the windows in float32, shape (channels, 1, side, side)."""
    channels, side = images.shape[1], window.side
    rows = _numbers(side * side, channels)
    _call(
        "depthwise_weight", _shape(images.shape, window), images.data_ptr(), gradient.data_ptr(), rows.data_ptr()
    )
    return rows.t().reshape(channels, 1, side, side)


def normalised(
    x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, Tensor], eps: float, momentum: float, act: int
) -> tuple[Tensor, Tensor]:
    """Normalise and activate; update the running statistics.

    Parameters
    ----------
    x
        bf16, shape (n, channels, height, width), channels last in memory.
    weight, bias, running
        Float32, shape (channels,); ``running`` is mean and variance.
    eps, momentum
        Of the layer.
    act
        Value of :data:`ACTIVATIONS`.

    Returns
    -------
    tuple
        The images, and what :func:`normalised_backward` wants of each channel, shape (4, channels).
    """
    y, found = _empty(*x.shape), _numbers(4, x.shape[1])
    pointers = (t.data_ptr() for t in (x, y, weight, bias, *running, found))
    _call("normalise", *pointers, x.numel() // x.shape[1], x.shape[1], eps, momentum, act)
    return y, found


def normalised_as(
    x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, Tensor], eps: float, act: int
) -> tuple[Tensor, Tensor]:
    """Do what :func:`normalised` does with the running statistics, and leave them as they are."""
    mean, var = running
    rstd = torch.rsqrt(var + eps)
    scale = weight * rstd
    y, found = _empty(*x.shape), torch.stack([mean, rstd, scale, bias - mean * scale])
    pointers = (t.data_ptr() for t in (x, y, found))
    _call("activate", *pointers, x.numel() // x.shape[1], x.shape[1], act)
    return y, found


def normalised_backward(
    x: Tensor, g: Tensor, found: Tensor, act: int, *, fixed: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of images, weight and bias from that of the output.

    ``fixed`` says that :func:`normalised_as` made ``found``.
    """
    dx, (of_weight, of_bias) = _empty(*x.shape), _numbers(2, x.shape[1])
    pointers = (t.data_ptr() for t in (x, g, dx, found, of_weight, of_bias))
    _call("normalise_backward", *pointers, x.numel() // x.shape[1], x.shape[1], act, fixed)
    return dx, of_weight, of_bias


def image_sums(a: Tensor, b: Tensor | None = None) -> Tensor:
    """Return the sums of a, or of a * b, over the pixels of each image and channel: (n, c, 1, 1), float32.

    Both are bf16 of shape (n, channels, height, width), channels last in memory.
    """
    n, channels, height, width = a.shape
    out = _numbers(n, channels, 1, 1)
    second = None if b is None else b.data_ptr()
    _call("image_sums", a.data_ptr(), second, out.data_ptr(), n, height * width, channels)
    return out


def gated(a: Tensor, gate: Tensor, add: Tensor | None = None) -> Tensor:
    """Return ``a * gate + add``; gate and add are of shape (n, c, 1, 1), a is as in :func:`image_sums`."""
    n, channels, height, width = a.shape
    out, gate = _empty(*a.shape), gate.float().contiguous()
    summand = None if add is None else add.float().contiguous()
    pointers = (None if t is None else t.data_ptr() for t in (a, gate, summand, out))
    _call("gated", *pointers, n, height * width, channels)
    return out
