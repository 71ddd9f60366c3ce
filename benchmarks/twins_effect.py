"""Measure the effect of leaving out test images with a twin in the training data, for every entry of a board.

    dermbench data audit DATASET --write-groups
    python benchmarks/twins_effect.py --data DATASET --board leaderboards/ajl-21 \\
        --out benchmarks/results/twins-ajl-21.md

An image has a twin if it shares a group of ``duplicates.parquet`` of the dataset with an image of train or val.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermbench.artifacts.duplicates import dataset_duplicates, twins_in_training
from dermbench.artifacts.entry import read_entry
from dermbench.artifacts.manifest import read_dataset
from dermbench.artifacts.predictions import read_predictions
from dermbench.artifacts.wording import MINUS, NONE, decimal
from dermbench.evaluation.core.groups import group
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.disparity.contrasts import observed_gap
from dermbench.evaluation.without_twins import leave_out

SPLIT = "test"


@dataclass(frozen=True)
class Effect:
    """Macro-F1, accuracy and gap of an entry on all images and without twins, and its accuracy on the twins."""

    title: str
    macro_f1: tuple[float, float]
    accuracy: tuple[float, float]
    gap: tuple[float | None, float | None]
    on_twins: float


def values(predictions, truth):
    """Return macro-F1, accuracy and the within-class accuracy gap by skin type."""
    sample = join(predictions, truth)
    macro, accuracy = METRICS.get("macro_f1"), METRICS.get("accuracy")
    return score(macro, sample), score(accuracy, sample), observed_gap(sample, group(truth, "fst"), accuracy)


def effects(board: Path, dataset, twins) -> list[Effect]:
    """Return the effect on every entry, sorted by macro-F1 with the best first."""
    truth = dataset.truth(SPLIT)
    has_twin = np.isin(truth.image_id.astype(str), sorted(twins))
    found = []
    for folder in sorted((board / "entries").iterdir()):
        predictions = read_predictions(folder / "predictions.parquet", truth)
        every = values(predictions, truth)
        rest = values(*leave_out(predictions, truth, twins))
        hit = predictions.y_pred == truth.y_true
        found.append(
            Effect(
                read_entry(folder / "entry.toml").name,
                (every[0], rest[0]),
                (every[1], rest[1]),
                (every[2], rest[2]),
                float(hit[has_twin].mean()),
            )
        )
    return sorted(found, key=lambda effect: -effect.macro_f1[0])


def table(found: list[Effect]) -> list[str]:
    """Return the rows of the table in markdown."""
    lines = [
        "| entry | macro-F1 | without twins | accuracy | without twins | on the twins | gap | without twins |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for effect in found:
        pairs = [(*effect.macro_f1, None), (*effect.accuracy, effect.on_twins), (*effect.gap, None)]
        cells = [text for before, after, third in pairs for text in _cells(before, after, third)]
        lines.append(f"| {effect.title} | {' | '.join(cells)} |")
    return lines


def _cells(before, after, third):
    if before is None or after is None:
        return [NONE, NONE]
    change = decimal(after - before, digits=3)
    signed = change if change.startswith(MINUS) else f"+{change}"
    extra = [] if third is None else [decimal(third)]
    return [decimal(before, digits=3), f"{decimal(after, digits=3)} ({signed})", *extra]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--board", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    dataset = read_dataset(chosen.data)
    duplicates = dataset_duplicates(dataset)
    if duplicates is None:
        parser.error(f"no duplicates.parquet in {chosen.data}: dermbench data audit {chosen.data} --write-groups")
    twins = twins_in_training(dataset, SPLIT, duplicates)
    found = effects(chosen.board, dataset, twins)
    n = dataset.info.images[SPLIT]
    learnt = [effect for effect in found if effect.macro_f1[0] >= 0.2]
    changes = np.array([[e.macro_f1[1] - e.macro_f1[0], e.accuracy[1] - e.accuracy[0]] for e in learnt])
    means = [f"{decimal(value, digits=3)}" for value in changes.mean(axis=0)]
    before = [effect.title for effect in found]
    after = [effect.title for effect in sorted(found, key=lambda effect: -effect.macro_f1[1])]
    moved = sum(a != b for a, b in zip(before, after, strict=True))
    share = f"{len(twins):,} of {n:,} test images ({len(twins) / n:.1%})"
    about = (
        f"{share} show the same photograph or lesion as one of train or val (groups of `data audit "
        f"--write-groups`, dataset {dataset.info.digest[:19]}). The table has every entry of the board on all "
        "test images and without these, with the change in brackets. Gap: the largest difference in accuracy "
        "between two skin types within a class, averaged over classes."
    )
    result = (
        f"Over the {len(learnt)} entries with a macro-F1 of .20 or more, leaving the twins out changes macro-F1 "
        f"by {means[0]} and accuracy by {means[1]} on average. {moved} of {len(found)} entries change their "
        "place by macro-F1."
    )
    title, made = f"# Twins of training images on the board {chosen.board.name}", "twins_effect.py"
    lines = [title, "", f"<!-- Generated by benchmarks/{made}. -->", "", about, "", result, "", *table(found), ""]
    chosen.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
