"""Read and write files of tensors; any error of a library on a damaged file becomes one InputError."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch

from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.guarded import check_plain, parse_json
from dermbench.artifacts.network_headers import HEADER
from dermbench.artifacts.tensor_header import read_metadata
from dermbench.errors import DermbenchError, InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic import JsonValue
    from torch import Tensor, nn

MAX_GROWTH = 64 << 20
"""Bytes by which an unpacked archive may exceed its file; torch itself does not compress."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header to a safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        try:
            safetensors.torch.save_file(plain, temporary, metadata={HEADER: json.dumps(header, sort_keys=True)})
        except safetensors.SafetensorError as error:  # also for a full disk
            reason = str(error).rpartition("I/O error: ")[2].partition(" (os error")[0]
            raise UsageError(f"{path}: cannot write ({reason})") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], JsonValue]:
    """Return the tensors of a file of dermbench by name, and its header as JSON.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When the file is damaged or was not written by dermbench.
    """
    text = read_metadata(path, HEADER)
    if text is None:
        raise InputError(path, ["was not written by dermbench (no header)"])
    return read_safetensors(path), parse_json(path, text, nan=True)  # NaN: the loss of an epoch without training


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name; errors as for :func:`read_tensors`."""
    check_plain(path)
    with (
        as_input_error(path, "not a safetensors file that can be read"),
        safetensors.safe_open(path, framework="pt") as file,
    ):
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def read_pickle(path: Path) -> Any:
    """Return the content of a ``.pth`` file without running its pickle.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When the file is damaged, grows too much when unpacked, or holds objects whose loading would run code.
    """
    check_plain(path)
    with as_input_error(path, "not a file of weights"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the pickle protocol
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                swollen = sum(part.file_size for part in archive.infolist())
            if swollen > path.stat().st_size + MAX_GROWTH:
                raise InputError(path, [f"would be {swollen / 1e9:.1f} GB when unpacked"])
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise InputError(
                path,
                ["holds pickled objects beside tensors; loading them could run code, so it is refused"],
                remedy="Save only the tensors, with safetensors.torch.save_file(model.state_dict(), FILE)",
            ) from error


@contextmanager
def as_input_error(path: Path, what: str, *, remedy: str | None = None) -> Iterator[None]:
    """Turn any error of a library about a file into an InputError, except dermbench's errors and Ctrl-C."""
    try:
        yield
    except (DermbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a panic of safetensors is not an Exception
        text = " ".join(str(error).split())[:300]
        name = "" if text and not isinstance(error, LookupError) else f"{type(error).__name__} "
        raise InputError(path, [f"{what}: {name}{text}".rstrip()], remedy=remedy) from error


def fill(
    module: nn.Module, tensors: Mapping[str, Tensor], path: Path, *, what: str, remedy: str | None = None
) -> None:
    """Copy a file's tensors into a module; an InputError unless names, shapes and kinds match, all finite."""
    wanted = module.state_dict()
    both = wanted.keys() & tensors.keys()
    alike = {name for name in both if like(wanted[name], tensors[name])}
    kinds = (
        (wanted.keys() ^ tensors.keys(), "are only in the network or only in the file"),
        (both - alike, "have another shape or kind of numbers"),
        ({name for name in alike if not is_finite(tensors[name])}, "hold NaN or infinity"),
    )
    problems = [f"{what}: {len(keys):,} tensors {text}: {name_some(sorted(keys))}" for keys, text in kinds if keys]
    if problems:
        raise InputError(path, problems, remedy=remedy)
    with as_input_error(path, f"does not fit {what}"):
        module.load_state_dict(dict(tensors))


def like(one: Tensor, other: Tensor) -> bool:
    """Return whether shape and kind of numbers are equal; the second tensor must be dense and unquantised."""
    same = one.shape == other.shape and other.layout == torch.strided and not other.is_quantized
    return same and (one.is_floating_point(), one.is_complex()) == (other.is_floating_point(), other.is_complex())


def is_finite(tensor: Tensor) -> bool:
    """Return whether a tensor has no NaN and no infinity."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
