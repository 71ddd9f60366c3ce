"""Assign splits: keep one that a release or a packaged task fixes, otherwise make one.

Splits are assigned on the whole table of a release, before image files are looked for. A missing file therefore
moves no other image.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.splitting import distribute
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

SplitBy = Literal["released", "stratified", "hash"]
"""How a split is made: by the release or the task, by a stratified draw, or by the hash of each unit's id."""
DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.70, "val": 0.15, "test": 0.15}


@dataclass(frozen=True)
class SplitRule:
    """How a split is made.

    Attributes
    ----------
    by
        See :data:`SplitBy`.
    holdout
        Images that become the test split, as :func:`dermbench.data.holdout.hold_out` reads it; empty for none.
    shares
        Share of each split, adding up to 1; a share of 0 leaves a split empty.
    """

    by: SplitBy = "released"
    holdout: str = ""
    shares: Mapping[str, float] = field(default_factory=lambda: check_fractions(DEFAULT_FRACTIONS))


def read_rule(
    by: str = "released", holdout: str = "", *, fractions: Mapping[str, float] = DEFAULT_FRACTIONS
) -> SplitRule:
    """Return the rule that a user asks for.

    Raises
    ------
    UsageError
        When ``by`` is not a :data:`SplitBy` or is given together with ``holdout``, or as for
        :func:`check_fractions`.
    """
    rules: dict[str, SplitBy] = {rule: rule for rule in get_args(SplitBy)}
    if by not in rules:
        raise UsageError(f"--split-by {by}: write {', '.join(rules)}")
    if holdout and by != "released":
        raise UsageError(f"--split-by {by} and --holdout {holdout}: one of the two makes the test split")
    return SplitRule(rules[by], holdout, check_fractions(fractions))


def check_fractions(fractions: Mapping[str, float]) -> dict[str, float]:
    """Return the share of every split, adding up to 1.

    Raises
    ------
    UsageError
        When a fraction is negative or not a number, a name is not a split, or all fractions are 0.
    """
    wrong = [k for k in fractions if k not in SPLITS]
    shares = {name: float(fractions.get(name, 0.0)) for name in SPLITS}
    if wrong or not all(math.isfinite(v) and v >= 0 for v in shares.values()) or sum(shares.values()) <= 0:
        raise UsageError(f"split fractions are three shares of at least 0, not all 0: {dict(fractions)}")
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def assign_splits(table: pd.DataFrame, rule: SplitRule | None = None, *, seed: int = 0) -> pd.Series:
    """Fill in the missing splits of a manifest.

    Existing splits are kept, and an existing test split gets no further unit. When train has images and val has
    none, validation units are taken from train in the proportion of the shares; a unit with images in a fixed
    test split stays in train. An image without a split joins the split of its unit. The rule ``hash`` ignores
    existing splits: a unit's split depends only on its id and the seed.

    Parameters
    ----------
    table
        ``image_id`` (unique), ``label``; ``fst``, ``split`` and the ids of
        :data:`dermbench.artifacts.columns.UNITS` where known.
    rule
        How the split is made.
    seed
        Seed of the draw.

    Returns
    -------
    pandas.Series
        ``train``, ``val`` or ``test`` for each row, on the index of ``table``.
    """
    rule = rule or SplitRule()
    if rule.by == "hash":
        return _by_hash(table, rule, seed)
    shares, split = rule.shares, _given(table)
    has_test, has_train = (name in set(split.dropna()) for name in ("test", "train"))
    if split.isna().any():
        open_ = {s: f for s, f in shares.items() if f > 0 and not (s == "test" and has_test)}
        split = distribute(table, split, split.isna(), shares=open_ or {"train": 1.0}, seed=seed)
    if has_train and shares["val"] > 0 and not (split == "val").any():
        inner = {s: f for s, f in shares.items() if f > 0 and s != "test"}
        split = distribute(table, split, split == "train", shares=inner, seed=seed)
    return split


def reunite(table: pd.DataFrame, given: pd.Series) -> pd.Series:
    """Move images into the split of their unit, after copies found among the files have enlarged the units.

    Parameters
    ----------
    table
        ``image_id``, a complete ``split``, and the ids of :data:`dermbench.artifacts.columns.UNITS`.
    given
        Fixed split of each image, by image id. An image without one joins the fixed images of its unit, or
        without any the image with the smallest id. Validation images that were taken from train may go back to
        it. A further copy therefore moves no unit but its own.
    """
    fixed = table["image_id"].map(given)
    moving = fixed.isna() | ((fixed == "train") & (table["split"] == "val")).fillna(value=False)
    units = connected_units(table, unit_columns(table))
    order = table.assign(unit=units, moving=moving).sort_values(["moving", "image_id"])
    first = order.groupby("unit")["split"].transform("first").reindex(table.index)
    joined = table["split"].mask(moving, first)
    back = (fixed == "train").fillna(value=False) & (joined == "test")
    return joined.mask(back, "train").astype("string")


def split_digest(table: pd.DataFrame) -> str:
    """Return ``sha256:<hex>`` of the list of images and their splits."""
    rows = table[["image_id", "split"]].astype(str).sort_values("image_id")
    lines = "".join(f"{image}\t{split}\n" for image, split in rows.itertuples(index=False))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _given(table: pd.DataFrame) -> pd.Series:
    if "split" in table:
        return table["split"].astype("string")
    return pd.Series(pd.NA, index=table.index, dtype="string")


def _by_hash(table: pd.DataFrame, rule: SplitRule, seed: int) -> pd.Series:
    """Place each unit by the hash of its highest-ranking id; connected units by the smallest of these ids."""
    columns = unit_columns(table)
    key = "image_id:" + table["image_id"].astype(object)
    for name in reversed(columns):
        key = (f"{name}:" + table[name].astype(object)).where(table[name].notna(), key)
    smallest = key.groupby(connected_units(table, columns)).transform("min")
    draws = {text: _draw(seed, text) for text in smallest.unique()}
    edges = np.cumsum([rule.shares[name] for name in SPLITS])
    # the sum of the shares may round to less than 1: a draw above it goes to the last split
    last = max(i for i, name in enumerate(SPLITS) if rule.shares[name] > 0)
    places = np.minimum(np.searchsorted(edges, smallest.map(draws).to_numpy(dtype=float), side="right"), last)
    return pd.Series(np.array(SPLITS)[places], index=table.index, dtype="string")


def _draw(seed: int, key: str) -> float:
    digest = hashlib.sha256(f"dermbench.split/1:{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
