"""Draw the files of docs/auditing.md: a truth of 800 images, and a made-up vendor's predictions for them.

    python examples/audit/draw.py FOLDER

Nobody's patients: every number is drawn. The model recognises few malignant lesions, and on dark skin none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

TYPES = np.repeat([1, 2, 3, 4, 5, 6], [20, 26, 20, 16, 8, 6])
"""Skin types of the 96 malignant images of the test split."""
RECOGNISED = {1: 5, 2: 6, 3: 3, 4: 2, 5: 0, 6: 0}
"""How many of them score above one half."""
FALSE_ALARMS = 16
"""Benign images of 504 that score above one half."""


def draw(folder: Path) -> None:
    """Write truth.csv, vendor.csv and vendor-val.csv."""
    rng = np.random.default_rng(2026)
    fst = np.concatenate([TYPES, rng.choice(6, 504, p=[0.18, 0.28, 0.22, 0.17, 0.09, 0.06]) + 1])
    malignant = np.arange(600) < len(TYPES)
    high = np.zeros(600, dtype=bool)
    for kind, k in RECOGNISED.items():
        high[np.flatnonzero(malignant & (fst == kind))[:k]] = True
    high[np.flatnonzero(~malignant)[:FALSE_ALARMS]] = True
    low = np.where(malignant, rng.beta(3, 5 + 2 * (fst > 4)), rng.beta(1.5, 9))
    score = np.where(high, 0.52 + 0.4 * rng.random(600), 0.49 * low)
    sick = rng.random(200) < 0.2
    types = rng.choice(6, 200, p=[0.18, 0.28, 0.22, 0.17, 0.09, 0.06]) + 1
    lucky = rng.random(200) < np.where(sick, 0.18, 0.03)
    other = np.where(sick, rng.beta(3, 5 + 2 * (types > 4)), rng.beta(1.5, 9))
    val_score = np.where(lucky, 0.52 + 0.4 * rng.random(200), 0.49 * other)
    n = 800
    truth = pd.DataFrame(
        {
            "image_id": [f"img-{i:04}" for i in range(n)],
            "label": np.where(np.concatenate([malignant, sick]), "malignant", "benign"),
            "sex": rng.choice(["female", "male"], n),
            "age": rng.integers(18, 91, n),
            "fst": np.concatenate([fst, types]),
            "split": np.repeat(["test", "val"], [600, 200]),
        }
    )
    both = np.concatenate([score, val_score]).round(4)
    made = pd.DataFrame(
        {"image_id": truth["image_id"], "prob_benign": (1 - both).round(4), "prob_malignant": both}
    )
    mixed = rng.permutation(n)
    truth.iloc[mixed].to_csv(folder / "truth.csv", index=False)
    made = made.iloc[mixed]
    test = truth.iloc[mixed]["split"].to_numpy() == "test"
    made[test].to_csv(folder / "vendor.csv", index=False)
    made[~test].to_csv(folder / "vendor-val.csv", index=False)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
