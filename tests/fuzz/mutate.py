"""Damage files: flipped bits, cuts, repeated blocks, splices, and values that nobody expects."""

from __future__ import annotations

import json
import re

HOSTILE = (
    *(
        b"",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        b"\xe2\x80\xae",
        b"\\u0000",
        b"\\ud800",
    ),
    *(b"nan", b"inf", b"-1", b"1e999", b"9" * 5000, b"1" + b"0" * 30, b"0.1" * 40, b"99999999-99-99", b"null"),
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 200, b"a." * 500, b"[]", b"{}", b'"', b"'", b'"""', b"\r", b"\n"),
    *(b"\\u0000", b"\\ud800", b"true", b"\t", b",", b";", b"../" * 20, b"/dev/zero", b"=cmd()", b"[/b]", b"%s%n"),
)
VALUES = (
    *(None, True, False, -1, 0, 1, 2**63, 10**30, 0.5, -0.0, 1e308, [], {}, [[]], [None], {"": None}, ["x"] * 50),
    *("", "x", "\0", "\ud800", "nan", "../..", "[/b]\x1b[31m", "9" * 5000),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def mutant(data, others, rng):
    """Return a damaged copy of ``data``.

    Parameters
    ----------
    data
        Valid content.
    others
        Content of other valid files, to splice in.
    rng
        Source of choices, a ``random.Random``.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(DAMAGES)(data, others, rng)
    return data[: 4 << 20]


def _span(data, rng, longest=4000):
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.randrange(1, longest))


def flip(data, _, rng):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data, _, rng):
    return data[: rng.randrange(len(data) + 1)]


def drop(data, _, rng):
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def repeat(data, _, rng):
    start, stop = _span(data, rng, 400)
    return data[:start] + data[start:stop] * rng.choice((2, 3, 100, 2000)) + data[stop:]


def splice(data, others, rng):
    other = rng.choice(others)
    (start, stop), (first, last) = _span(data, rng), _span(other, rng)
    return data[:start] + other[first:last] + data[stop:]


def insert(data, _, rng):
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.choice(HOSTILE) + data[start:]


def number(data, _, rng):
    """Replace a number by a hostile value."""
    found = list(NUMBER.finditer(data[: 1 << 16]))
    if not found:
        return insert(data, _, rng)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(HOSTILE) + data[one.end() :]


def lines(data, _, rng):
    """Drop, repeat or swap lines, or replace a field of one."""
    parts = data.split(b"\n")
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    kind = rng.randrange(4)
    if kind == 0:
        del parts[i]
    elif kind == 1:
        parts[i:i] = [parts[j]] * rng.choice((1, 50))
    elif kind == 2:
        parts[i], parts[j] = parts[j], parts[i]
    else:
        fields = parts[i].split(b",")
        fields[rng.randrange(len(fields))] = rng.choice(HOSTILE)
        parts[i] = b",".join(fields)
    return b"\n".join(parts)


def leaf(data, others, rng):
    """Replace, remove or repeat a value of a JSON document, also of one in the header of a tensor file."""
    size = int.from_bytes(data[:8], "little")
    start, stop = (8, 8 + size) if 0 < size <= len(data) - 8 else (0, len(data))
    try:
        document = json.loads(data[start:stop])
        inner = document["__metadata__"]["dermbench"] if start else None
        changed = _with_leaf(json.loads(inner) if inner else document, rng)
        if inner:
            document["__metadata__"]["dermbench"] = json.dumps(changed)
            changed = document
    except (ValueError, KeyError, TypeError, RecursionError):
        return insert(data, others, rng)
    text = json.dumps(changed, sort_keys=True).encode()
    return len(text).to_bytes(8, "little") + text + data[stop:] if start else text + b"\n"


def _with_leaf(document, rng):
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            return rng.choice(VALUES)
        key = rng.choice(keys)
        if not isinstance(at[key], dict | list) or not at[key] or rng.random() < 0.2:
            break
        at = at[key]
    kind = rng.randrange(4)
    if kind == 0:
        del at[key]
    elif kind == 1 and isinstance(at, dict):
        at[rng.choice(("new", "", "\0", key + "\u202e"))] = at[key]
    else:
        at[key] = rng.choice(VALUES)
    return document


DAMAGES = (flip, cut, drop, repeat, splice, insert, insert, number, number, lines, leaf, leaf)
