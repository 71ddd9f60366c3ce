"""Rates from simulations: one row for each, with Monte-Carlo error, compared with its bound."""

from __future__ import annotations

import csv
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BOUND_NULL, BOUND_COVER = 0.065, 0.93
AT_MOST, AT_LEAST = f"<= {BOUND_NULL}", f">= {BOUND_COVER}"


@dataclass(frozen=True)
class Row:
    """One line of a table; ``error`` is the Monte-Carlo standard error."""

    check: str
    setting: str
    sets: int
    result: float
    error: float
    bound: str
    met: str
    scenario: str = ""


def rate(check: str, setting: str, hits: Sequence[bool] | np.ndarray, bound: str = "") -> Row:
    """Return the share of ``hits``, compared with ``bound``."""
    n, share = len(hits), float(np.mean(hits)) if len(hits) else float("nan")
    error = float(np.sqrt(max(share * (1 - share), 1e-9) / max(n, 1)))
    return Row(check, setting, n, share, error, bound, judge(share, error, bound) if bound and n else "")


def judge(share: float, error: float, bound: str) -> str:
    """Return whether a rate keeps its bound: yes, only within two Monte-Carlo errors, or no."""
    limit = float(bound.split()[1])
    excess = share - limit if bound.startswith("<=") else limit - share
    return "yes" if excess <= 0 else ("within error" if excess <= 2 * error else "NO")


def rng_of(name: str, *more: int) -> np.random.Generator:
    """Return the random generator of a scenario, seeded by its name."""
    return np.random.default_rng([zlib.crc32(name.encode()), *more] if more else zlib.crc32(name.encode()))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(Row.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(r) for r in rows)


def read_rows(path: Path) -> list[Row]:
    """Read a CSV file of :func:`write_rows`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{**r, "sets": int(r["sets"]), "result": float(r["result"]), "error": float(r["error"])})
            for r in csv.DictReader(file)
        ]
