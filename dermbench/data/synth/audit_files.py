"""Synthetic files for an audit: the truth of 800 images, and a vendor's predictions for them.

All numbers are drawn; there are no patients. The model recognises few malignant lesions, and none on dark skin.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

TYPES = np.repeat([1, 2, 3, 4, 5, 6], [20, 26, 20, 16, 8, 6])
"""Skin types of the 96 malignant images of the test split."""
RECOGNISED = {1: 5, 2: 6, 3: 3, 4: 2, 5: 0, 6: 0}
"""Number of these images, by type, with a score above one half."""
FALSE_ALARMS = 16
"""Number of benign images, of 504, with a score above one half."""
SHARES = [0.18, 0.28, 0.22, 0.17, 0.09, 0.06]
"""Shares of the skin types among the other images."""


def write_audit_files(folder: Path | str) -> list[Path]:
    """Write ``truth.csv``, ``vendor.csv`` and ``vendor-val.csv``: the files of ``examples/audit``.

    Parameters
    ----------
    folder
        Folder to write to; it is made if missing.

    Returns
    -------
    list of pathlib.Path
        The three files. They are the same for the same version of NumPy.
    """
    rng = np.random.default_rng(2026)
    fst = np.concatenate([TYPES, rng.choice(6, 504, p=SHARES) + 1])
    malignant = np.arange(600) < len(TYPES)
    high = np.zeros(600, dtype=bool)
    for kind, k in RECOGNISED.items():
        high[np.flatnonzero(malignant & (fst == kind))[:k]] = True
    high[np.flatnonzero(~malignant)[:FALSE_ALARMS]] = True
    low = np.where(malignant, rng.beta(3, 5 + 2 * (fst > 4)), rng.beta(1.5, 9, 600))
    score = np.where(high, 0.52 + 0.4 * rng.random(600), 0.49 * low)
    sick = rng.random(200) < 0.2
    types = rng.choice(6, 200, p=SHARES) + 1
    lucky = rng.random(200) < np.where(sick, 0.18, 0.03)
    other = np.where(sick, rng.beta(3, 5 + 2 * (types > 4)), rng.beta(1.5, 9, 200))
    val_score = np.where(lucky, 0.52 + 0.4 * rng.random(200), 0.49 * other)
    truth = pd.DataFrame(
        {
            "image_id": [f"img-{i:04}" for i in range(800)],
            "label": np.where(np.concatenate([malignant, sick]), "malignant", "benign"),
            "sex": rng.choice(["female", "male"], 800),
            "age": rng.integers(18, 91, 800),
            "fst": np.concatenate([fst, types]),
            "split": np.repeat(["test", "val"], [600, 200]),
        }
    )
    both = np.concatenate([score, val_score]).round(4)
    made = pd.DataFrame(
        {"image_id": truth["image_id"], "prob_benign": (1 - both).round(4), "prob_malignant": both}
    )
    mixed = rng.permutation(800)
    truth, made = truth.iloc[mixed], made.iloc[mixed]
    test = truth["split"].to_numpy() == "test"
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    files = {"truth.csv": truth, "vendor.csv": made[test], "vendor-val.csv": made[~test]}
    for name, table in files.items():
        table.to_csv(target / name, index=False)
    return [target / name for name in files]
