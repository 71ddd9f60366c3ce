"""Synthetic test sets with skin types from labellers who make errors.

``truth`` is exact:

"gap"
    Accuracy on V-VI minus I-IV by the true type, in the population with the sizes of the set.
"gap_ends"
    Accuracy on VI minus I by the true type.
"observed"
    V-VI minus I-IV by the first labelling, in an infinite population: the value of a method without correction.

Classes have the same shares in all types, so these are also within-class differences. True types have fixed sizes;
the classes are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from clinical_draws import CLASSES, correlated, deal, names, other, types
from scipy.special import ndtr

if TYPE_CHECKING:
    from clinical_draws import Floats, Shares, Six


@dataclass(frozen=True)
class Labeller:
    """Error rate of a labeller, and the direction of errors.

    At types I and VI, a step out of the range goes inward; with ``stay`` it is not made, so errors are rarer
    there.
    """

    error: float
    darker: float = 0.5  # chance that an error goes to a darker type
    step: int = 1
    stay: bool = False
    seen: float = 1.0  # share of images that are labelled
    wrong: float | None = None  # error rate on images whose answer is wrong, where it differs

    def confusion(self, error: float) -> Floats:
        """Return P(label | true type), shape (6, 6)."""
        table = np.eye(6) * (1 - error)
        for f in range(6):
            for sign, share in ((1, self.darker), (-1, 1 - self.darker)):
                table[f, self.move(f, sign)] += error * share
        return table

    def move(self, f: int, sign: int) -> int:
        """Return the code that an error at code f leads to."""
        to = f + sign * self.step
        if 0 <= to <= 5:
            return to
        return f if self.stay else f - sign * self.step

    def rates(self) -> tuple[float, float]:
        """Return the error rates on images with a right and with a wrong answer."""
        return self.error, self.error if self.wrong is None else self.wrong


@dataclass(frozen=True, eq=False)
class Mislabelled:
    """Images of known skin type with erroneous labellings; the module docstring defines the truth.

    The usual assumption is that errors are by one type, equally likely in both directions, and independent between
    labellers and of the answer. ``assumption`` is False where this does not hold.
    """

    name: str
    about: str
    accuracy: Six
    labellers: tuple[Labeller, ...]
    sizes: tuple[int, ...] = (220, 340, 260, 200, 140, 90)
    shared: float = 0.0  # share of images on which all labellers err alike
    most: int = 1
    load: float = 0.0
    assumption: bool = True
    kind: str = "mislabelled"
    shares: Shares = field(default=(0.4, 0.3, 0.2, 0.1), repr=False)
    ease: Shares = field(default=(0.04, 0.0, -0.04, -0.08), repr=False)  # of classes; mean 0

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a test set.

        Columns: image_id, patient_id, label, pred, fst_true (which no method may use), and fst, fst_b and so on,
        one for each labeller; a type that a labeller did not give is missing.
        """
        true = np.repeat(np.arange(6), self.sizes)
        unit = true * len(true) + np.concatenate([deal(rng, n, self.most) for n in self.sizes])
        unit = np.unique(unit, return_inverse=True)[1]
        label = rng.choice(4, len(true), p=self.shares)
        chance = np.array(self.accuracy)[true] + np.array(self.ease)[label]
        right = ndtr(correlated(rng, unit, self.load)) < chance
        columns = {
            "patient_id": names("p", unit),
            "label": np.array(CLASSES)[label],
            "pred": np.array(CLASSES)[np.where(right, label, other(rng, label, 4))],
            "fst_true": true + 1,
        }
        common, alike = rng.random(len(true)), rng.random(len(true)) < self.shared
        for suffix, labeller in zip(("", "_b", "_c", "_d"), self.labellers, strict=False):
            rank = np.where(alike, common, rng.random(len(true)))
            edges = np.array([np.cumsum(labeller.confusion(e), axis=1) for e in labeller.rates()])
            tables = np.where(right[:, None], edges[0][true], edges[1][true])
            given = (rank[:, None] >= tables[:, :-1] - 1e-12).sum(axis=1)
            columns[f"fst{suffix}"] = types(given + 1, rng.random(len(true)) >= labeller.seen)
        frame = pd.DataFrame(columns)
        frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
        frame.insert(0, "image_id", names("i", np.arange(len(frame))))
        return frame

    @cached_property
    def truth(self) -> dict[str, float]:
        """Return the true "gap" and "gap_ends", and "observed", the gap by the first labelling."""
        sizes, accuracy = np.array(self.sizes, dtype=np.float64), np.array(self.accuracy)
        tables = [self.labellers[0].confusion(e) for e in self.labellers[0].rates()]
        right, wrong = (sizes * accuracy) @ tables[0], (sizes * (1 - accuracy)) @ tables[1]
        return {
            "gap": _dark_minus_light(sizes * accuracy, sizes),
            "gap_ends": float(accuracy[5] - accuracy[0]),
            "observed": _dark_minus_light(right, right + wrong),
        }


def _dark_minus_light(right: Floats, n: Floats) -> float:
    return float(right[4:].sum() / n[4:].sum() - right[:4].sum() / n[:4].sum())


DROP_20 = (0.80, 0.80, 0.80, 0.80, 0.60, 0.60)
SLOPE = (0.84, 0.82, 0.80, 0.77, 0.70, 0.62)
QUARTER = Labeller(0.25)
MISLABELLED = (
    Mislabelled("two_25", "Two labellers, wrong by one type on 25 % of images.", SLOPE, (QUARTER,) * 2),
    Mislabelled(
        "two_25_stay",
        "The same, but steps beyond type I or VI are not made, so these are wrong half as often.",
        SLOPE,
        (Labeller(0.25, stay=True),) * 2,
    ),
    Mislabelled("three_25", "Three labellers, each wrong by one type on 25 % of images.", SLOPE, (QUARTER,) * 3),
    Mislabelled(
        "three_skills",
        "Three labellers, wrong by one type on 10, 25 and 40 % of images; the first is the middle one.",
        DROP_20,
        (Labeller(0.25), Labeller(0.10), Labeller(0.40)),
    ),
    Mislabelled(
        "four_with_holes",
        "Four labellers, the second and fourth of whom saw 70 and 40 % of the images.",
        SLOPE,
        (QUARTER, Labeller(0.15, seen=0.7), Labeller(0.30), Labeller(0.25, seen=0.4)),
    ),
    Mislabelled(
        "darker_only",
        "Two labellers whose errors only go to the next darker type.",
        DROP_20,
        (Labeller(0.25, darker=1.0, stay=True),) * 2,
        assumption=False,
    ),
    Mislabelled(
        "shared_errors",
        "Two labellers who give the same type, right or wrong, on 60 % of images.",
        DROP_20,
        (QUARTER,) * 2,
        shared=0.6,
        assumption=False,
    ),
    Mislabelled(
        "shared_by_three",
        "Three labellers who give the same type, right or wrong, on half of the images.",
        SLOPE,
        (QUARTER,) * 3,
        shared=0.5,
        assumption=False,
    ),
    Mislabelled(
        "two_types_off",
        "Three labellers whose errors are two types wide.",
        SLOPE,
        (Labeller(0.15, step=2),) * 3,
        assumption=False,
    ),
    Mislabelled(
        "more_errors_where_wrong",
        "Two labellers who are wrong on 15 % of images, on 45 % where the answer is wrong too.",
        DROP_20,
        (Labeller(0.15, wrong=0.45),) * 2,
        assumption=False,
    ),
    Mislabelled(
        "few_of_VI",
        "Two labellers, 25 % wrong, and 30 images of type VI.",
        SLOPE,
        (QUARTER,) * 2,
        sizes=(240, 360, 240, 160, 80, 30),
    ),
    Mislabelled("no_gap", "Two labellers, 25 % wrong, and no gap.", (0.75,) * 6, (QUARTER,) * 2),
    Mislabelled("no_gap_three", "Three labellers, 25 % wrong, and no gap.", (0.75,) * 6, (QUARTER,) * 3),
    Mislabelled("gap_20", "Two labellers, 25 % wrong, and a gap of -.20 from type V on.", DROP_20, (QUARTER,) * 2),
    Mislabelled("gap_20_error_5", "Two labellers, 5 % wrong, and a gap of -.20.", DROP_20, (Labeller(0.05),) * 2),
    Mislabelled(
        "only_VI",
        "Two labellers, 25 % wrong; accuracy falls by .25 in type VI only.",
        (0.80, 0.80, 0.80, 0.80, 0.80, 0.55),
        (QUARTER,) * 2,
    ),
    Mislabelled(
        "patients_gap_20",
        "Three labellers of single images, 25 % wrong; patients have up to six images with correlated answers.",
        DROP_20,
        (QUARTER,) * 3,
        sizes=(300, 440, 340, 280, 200, 140),
        most=6,
        load=0.7,
    ),
)
