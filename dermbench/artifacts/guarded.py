"""Guarded reading of JSON and TOML: hostile or damaged files give one message, never a traceback.

All JSON and TOML files from outside are read here. Refused are files that are not plain (device, pipe, folder),
too large, not UTF-8 or nested too deeply, and files with repeated keys, NaN, integers beyond 64 bits, NUL or lone
surrogates. The message names the file and the problem.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import JsonValue

JSON_BYTES = 16 << 20
TOML_BYTES = 1 << 20
"""Largest file of each kind, in bytes."""
MAX_DEPTH = 64
INTEGERS = (-(2**63), 2**64 - 1)
_NAME = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DOTTED = re.compile(rf"(?<![A-Za-z0-9_\"'-])(?:{_NAME}){{{MAX_DEPTH}}}")
"""A key with too many parts: the time of the parser grows with the square of their number."""


def read_bytes(path: Path | str, *, limit: int, follow: bool = True) -> bytes:
    """Return the bytes of a plain file.

    Parameters
    ----------
    path
        The file.
    limit
        Largest size in bytes.
    follow
        Whether to read a link to a plain file; False refuses it.

    Raises
    ------
    UsageError
        When there is no such file, it cannot be opened, or it is not a plain file.
    InputError
        When it is larger than ``limit``.
    """
    with open_plain(path, follow=follow) as stream:
        size = os.fstat(stream.fileno()).st_size
        data = stream.read(limit + 1) if size <= limit else b""
    if size > limit or len(data) > limit:
        raise InputError(path, [f"is larger than the {limit >> 20} MB that such a file may have"])
    return data


def check_plain(path: Path | str, *, follow: bool = True) -> None:
    """Check that a path is a plain file, not a device, a pipe, a folder or, with ``follow=False``, a link.

    Raises
    ------
    UsageError
        When there is no such file, it cannot be opened, or it is not a plain file.
    """
    open_plain(path, follow=follow).close()


def open_plain(path: Path | str, *, follow: bool = True) -> BinaryIO:
    """Open a plain file for reading; errors as :func:`check_plain`."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        if not follow and Path(path).is_symlink():
            raise UsageError(f"{path}: is a link, not a plain file")
        descriptor = os.open(path, flags if follow else flags | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # a path with NUL is a ValueError
        raise UsageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise UsageError(f"{path}: is not a plain file{', but a folder' if stat.S_ISDIR(mode) else ''}")
    return os.fdopen(descriptor, "rb")


def read_json(path: Path | str, *, limit: int = JSON_BYTES, nan: bool = False, follow: bool = True) -> JsonValue:
    """Return the content of a JSON file.

    Parameters
    ----------
    path, limit, follow
        As in :func:`read_bytes`.
    nan
        Whether the file may hold NaN and infinity.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not JSON, or has content that is refused (see the module docstring).
    """
    return parse_json(path, read_bytes(path, limit=limit, follow=follow), nan=nan)


def read_toml(path: Path | str, *, decimals: bool = False, follow: bool = True) -> dict[str, Any]:
    """Return the content of a TOML file; with ``decimals``, numbers keep their digits as written.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it is not TOML, or has content that is refused (see the module docstring).
    """
    return parse_toml(path, read_bytes(path, limit=TOML_BYTES, follow=follow), decimals=decimals)


def parse_json(source: Path | str, data: bytes | str, *, nan: bool = False) -> JsonValue:
    """Return the content of JSON text as :func:`read_json` does; ``source`` names it in messages."""
    found: JsonValue = _parse(
        source, "JSON", data, lambda text: json.loads(text, object_pairs_hook=_unrepeated), nan=nan
    )
    return found


def parse_toml(source: Path | str, data: bytes | str, *, decimals: bool = False) -> dict[str, Any]:
    """Return the content of TOML text as :func:`read_toml` does; ``source`` names it in messages."""

    def parsed(text: str) -> Any:
        if _DOTTED.search(text):
            raise RecursionError
        return tomllib.loads(text, parse_float=Decimal if decimals else float)

    found: dict[str, Any] = _parse(source, "TOML", data, parsed, nan=False)
    return found


def _parse(source: Path | str, kind: str, data: bytes | str, parser: Callable[[str], Any], *, nan: bool) -> Any:
    try:
        content = parser(_text(data))
        problems = _misfits(content, nan=nan)
    except UnicodeDecodeError as error:
        problems = [f"not {kind}: byte {error.start} is not UTF-8; save the file as UTF-8"]
    except RecursionError:
        problems = [f"not {kind} that can be read: more than {MAX_DEPTH} levels deep"]
    except (ValueError, ArithmeticError) as error:
        problems = [f"not {kind}: {_brief(error)}"]
    if problems:
        raise InputError(source, problems)
    return content


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("the text is UTF-16; save the file as UTF-8")
    return data.decode("utf-8-sig")


def _brief(error: BaseException) -> str:
    text = str(error)
    return "a number has too many digits" if "integer string conversion" in text else text[:400]


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
        raise ValueError(f"repeated key {name_some(dict.fromkeys(twice))}")
    return found


def _misfits(content: Any, *, nan: bool) -> list[str]:
    """Return the kinds of refused content that occur, without duplicates."""
    return list(dict.fromkeys(_found(content, nan=nan)))


def _found(content: Any, *, nan: bool) -> Iterator[str]:
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
                yield from (problem for key in value if (problem := _bad_text(key)))
            elif isinstance(value, list):
                below += [max(value), min(value)] if set(map(type, value)) == {int} else value
            elif isinstance(value, str):
                if problem := _bad_text(value):
                    yield problem
            elif problem := _bad_number(value, nan=nan):
                yield problem
        level = below


def _bad_number(value: object, *, nan: bool) -> str:
    if type(value) is int and not INTEGERS[0] <= value <= INTEGERS[1]:
        return "an integer is larger than 64 bits can hold"
    if not nan and isinstance(value, float | Decimal) and not math.isfinite(value):
        return "NaN or infinity, which has no place here"
    return ""


def _bad_text(text: str) -> str:
    if "\0" in text:
        return f"the character NUL in {text[:40]!r}"
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return f"half a character (a lone surrogate) in {text[:40]!r}"
    return ""
