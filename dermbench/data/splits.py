"""The split of a dataset: kept where a release or a packaged task fixes it, made where none does.

It is assigned on the whole table of a release, before any image file is looked for: files that are missing move no
other image.
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
"""What makes a split: the release or the task, a stratified draw, or the hash of each unit's id."""
DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.70, "val": 0.15, "test": 0.15}


@dataclass(frozen=True)
class SplitRule:
    """How a split is made.

    Attributes
    ----------
    by
        See :data:`SplitBy`.
    holdout
        Images that become the test split, as :class:`dermbench.data.holdout.Holdout` reads it; empty for none.
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
        When ``by`` is no :data:`SplitBy` or goes together with ``holdout``, or as for :func:`check_fractions`.
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
        When a fraction is negative, not a number or of no split, or all are 0.
    """
    wrong = [k for k in fractions if k not in SPLITS]
    shares = {name: float(fractions.get(name, 0.0)) for name in SPLITS}
    if wrong or not all(math.isfinite(v) and v >= 0 for v in shares.values()) or sum(shares.values()) <= 0:
        raise UsageError(f"split fractions are three shares of at least 0, not all 0: {dict(fractions)}")
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def assign_splits(table: pd.DataFrame, rule: SplitRule | None = None, *, seed: int = 0) -> pd.Series:
    """Complete the ``split`` of a manifest.

    Splits that are there are kept, and a test split that is there gets no further unit. When there are training
    images and no validation image, validation units are cut out of train, in the proportion of the shares; a unit
    that also has images in a fixed test split stays in train. An image without a split follows its unit to where
    the rest of it is. By ``hash``, a unit's split depends on its id and the seed alone; splits that are there are
    forgotten.

    Parameters
    ----------
    table
        ``image_id`` (unique), ``label``; ``fst``, ``split`` and the ids of
        :data:`dermbench.artifacts.columns.UNITS` where known.
    rule
        What makes the split.
    seed
        Another seed gives another split.

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
    """Return the splits after copies that were found among the files have joined their unit.

    Parameters
    ----------
    table
        ``image_id``, a complete ``split``, and the ids of :data:`dermbench.artifacts.columns.UNITS`.
    given
        The split of each image that was fixed beforehand, by image id. Images without one join the fixed images of
        their unit, or else its smallest image id; validation images that were cut out of train go back to it. So a
        copy more or less moves its own unit at most.
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
    """Return ``sha256:<hex>`` of which image is in which split."""
    rows = table[["image_id", "split"]].astype(str).sort_values("image_id")
    lines = "".join(f"{image}\t{split}\n" for image, split in rows.itertuples(index=False))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _given(table: pd.DataFrame) -> pd.Series:
    if "split" in table:
        return table["split"].astype("string")
    return pd.Series(pd.NA, index=table.index, dtype="string")


def _by_hash(table: pd.DataFrame, rule: SplitRule, seed: int) -> pd.Series:
    """Place each unit by the hash of its highest id; of units in a chain, by the smallest of these."""
    columns = unit_columns(table)
    key = "image_id:" + table["image_id"].astype(object)
    for name in reversed(columns):
        key = (f"{name}:" + table[name].astype(object)).where(table[name].notna(), key)
    smallest = key.groupby(connected_units(table, columns)).transform("min")
    draws = {text: _draw(seed, text) for text in smallest.unique()}
    edges = np.cumsum([rule.shares[name] for name in SPLITS])
    last = max(i for i, name in enumerate(SPLITS) if rule.shares[name] > 0)  # rounding leaves nothing over
    places = np.minimum(np.searchsorted(edges, smallest.map(draws).to_numpy(dtype=float), side="right"), last)
    return pd.Series(np.array(SPLITS)[places], index=table.index, dtype="string")


def _draw(seed: int, key: str) -> float:
    digest = hashlib.sha256(f"dermbench.split/1:{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
