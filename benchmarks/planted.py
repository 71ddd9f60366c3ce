"""Measure how often a disparity is declared on synthderm, without a planted one and with contrast faded by type.

The dial ``fade`` multiplies the lesion contrast of type t by 1 - fade (t - 1)/5; type I keeps its contrast.

For every seed a dataset is drawn, a linear probe on frozen EfficientNet-Lite0 features is trained on it, and its
test split is evaluated by skin type. Accuracy by the six types is the primary question, other rows are secondary.
Datasets that are already in the CSV file are not repeated.

    python benchmarks/planted.py --seeds 60 --out benchmarks/results/planted.csv

Needs dermbench[train,offline]; about ten seconds a dataset on one core.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from dermbench.artifacts.report import Disparity
from dermbench.artifacts.tables import write_table
from dermbench.data import prepare
from dermbench.evaluation import evaluate
from dermbench.evaluation.intervals.proportions import wilson
from dermbench.training import predict, train

FADES = (0.0, 0.3, 0.6)
METRICS = ("accuracy", "cohen_kappa", "macro_f1")
IMAGES, SIZE, RESAMPLES = 900, 64, 1999


def one(seed: int, fade: float) -> dict[str, object]:
    """Draw, train, predict and evaluate one dataset."""
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder) / "data", Path(folder) / "run"
        options = {"images": str(IMAGES), "size": str(SIZE), "fade": str(fade)}
        dataset = prepare("synthderm", out=data, seed=seed, options=options, workers=1)
        overrides = ("epochs=0", f"image_size={SIZE}")
        train(dataset, run, preset="quickstart", overrides=overrides, seed=seed, quiet=True)
        truth = dataset.truth("test")
        report = evaluate(
            predict(run, dataset), truth, sensitive=["fst", "fst_band"], seed=seed, n_resamples=RESAMPLES
        )
    row: dict[str, object] = {"fade": fade, "seed": seed, "n": report.n}
    for feature in ("fst", "fst_band"):
        for metric in METRICS:
            found = report.features[feature].disparities[metric]
            gap = found if isinstance(found, Disparity) else None
            row[f"{feature} {metric} gap"] = None if gap is None else gap.gap
            declared = gap is not None and gap.verdict is not None and gap.verdict.kind == "disparity"
            row[f"{feature} {metric} declared"] = declared
    return row


def summary(rows: pd.DataFrame) -> str:
    """Return the share of datasets with a declared disparity, with its Wilson interval, as a markdown table."""
    lines = [
        "| fade | feature | metric | datasets | mean gap | declared | 95 % |",
        "|--:|:--|:--|--:|--:|--:|:--|",
    ]
    for fade, part in rows.groupby("fade"):
        for feature in ("fst", "fst_band"):
            for metric in METRICS:
                declared = part[f"{feature} {metric} declared"].astype(str).str.lower() == "true"
                low, high = wilson(float(declared.mean()), len(part))
                gap = part[f"{feature} {metric} gap"].astype(float).mean()
                lines.append(
                    f"| {fade} | {feature} | {metric} | {len(part)} | {gap:.3f} "
                    f"| {declared.mean():.3f} | {low:.3f} to {high:.3f} |"
                )
    return "\n".join(lines)


def main() -> None:
    """Add the missing datasets to the CSV file, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60, help="datasets without a planted disparity")
    parser.add_argument("--faded", type=int, default=15, help="datasets for each strength of fading")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/planted.csv"))
    chosen = parser.parse_args()
    rows = pd.read_csv(chosen.out).to_dict("records") if chosen.out.is_file() else []
    done = {(row["fade"], row["seed"]) for row in rows}
    for fade in FADES:
        for seed in range(chosen.seeds if fade == 0 else chosen.faded):
            if (fade, seed) not in done:
                rows.append(one(seed, fade))
                write_table(chosen.out, pd.DataFrame(rows))
    print(summary(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
