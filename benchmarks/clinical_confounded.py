"""Synthetic test sets in which site, age, quality or class are associated with skin type and with right answers.

``truth`` holds differences in the probability of a right answer, types V-VI minus I-IV:

"raw"
    Without adjustment.
"class"
    Standardised over the class shares of all images.
"conditional"
    Standardised over the joint distribution of class, site, quality and age of all images (the g-formula).

They come from two million images with known probabilities. The Monte-Carlo error is below .001 for "raw" and
"class" and below .0003 for "conditional", which is exactly 0 when skin type itself has no effect. Type is missing
at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from clinical_draws import CLASSES, correlated, names, other, types
from scipy.special import expit, ndtr

if TYPE_CHECKING:
    from collections.abc import Callable

    from clinical_draws import Floats, Ints, Shares

SITES = ("Alma", "Berg", "Cedar", "Dock")
EFFECT = 0.48  # on the logit, worth about .10 of probability
MANY = 2_000_000


class Covariates(NamedTuple):
    """Covariates of each image; ``dark`` is 1 for types V and VI."""

    dark: Floats
    site: Ints
    age: Floats
    quality: Floats
    label: Ints


@dataclass(frozen=True, eq=False)
class Confounded:
    """Images whose skin type is associated with other causes of errors; the module docstring defines the truth.

    ``assumption`` is False if the logit is not linear or the effect differs between sites; ``overlap`` is False if
    one site has only light skin.
    """

    name: str
    about: str
    chance: Callable[[Covariates], Floats]  # of a right answer
    n_patients: int = 900
    most: int = 1  # images of a patient, at most
    load: float = 0.0  # its square is the correlation of the latent numbers behind a patient's answers
    sites: Shares = (0.5, 0.3, 0.2)
    dark: Shares = (0.2, 0.2, 0.2)  # share of V-VI in each site
    age: Callable[[np.random.Generator, Floats], Floats] = lambda rng, dark: rng.normal(52, 17, len(dark))
    quality_drop: float = 0.0  # of dark images
    mix: tuple[Shares, Shares] = ((0.5, 0.3, 0.2), (0.5, 0.3, 0.2))  # class shares of light and dark images
    missing: float = 0.0
    assumption: bool = True
    overlap: bool = True
    kind: str = "confounded"

    def covariates(self, rng: np.random.Generator, n_patients: int, unit: Ints) -> Covariates:
        """Draw the covariates of images; type, site and age are the patient's, quality and class the image's."""
        site = rng.choice(len(self.sites), n_patients, p=self.sites)
        dark = (rng.random(n_patients) < np.array(self.dark)[site]).astype(np.float64)
        age = np.clip(self.age(rng, dark), 1, 95)
        site, dark, age = site[unit], dark[unit], age[unit]
        n = len(unit)
        quality = np.clip(62 - self.quality_drop * dark + 12 * rng.standard_normal(n), 0, 100)
        edges = np.cumsum(self.mix, axis=1)[:, :-1]
        label = (rng.random(n)[:, None] >= edges[dark.astype(int)]).sum(axis=1)
        return Covariates(dark, site, age, quality, label)

    def draw(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a test set.

        Columns: image_id, patient_id, label, pred, fst (1 to 6 or missing), site (text), quality (0 to 100), age.
        """
        sizes = rng.integers(1, self.most + 1, self.n_patients)
        unit = np.repeat(np.arange(self.n_patients), sizes)
        c = self.covariates(rng, self.n_patients, unit)
        right = ndtr(correlated(rng, unit, self.load)) < self.chance(c)
        rank = rng.random(self.n_patients)[unit]
        light = 1 + np.searchsorted([0.25, 0.6, 0.85], rank)
        fst = np.where(c.dark == 1, np.where(rank < 0.65, 5, 6), light)
        hidden = (rng.random(self.n_patients) < self.missing)[unit]
        n_classes = len(self.mix[0])
        frame = pd.DataFrame(
            {
                "image_id": names("i", np.arange(len(unit))),
                "patient_id": names("p", unit),
                "label": np.array(CLASSES)[c.label],
                "pred": np.array(CLASSES)[np.where(right, c.label, other(rng, c.label, n_classes))],
                "fst": types(fst, hidden),
                "site": np.array(SITES)[c.site],
                "quality": c.quality,
                "age": c.age,
            }
        )
        return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)

    @cached_property
    def truth(self) -> dict[str, float]:
        """Return the true differences "raw", "class" and "conditional", V-VI minus I-IV."""
        return self.truth_of(MANY)

    def truth_of(self, n: int) -> dict[str, float]:
        """Return the truth from n images with known probabilities."""
        c = self.covariates(np.random.default_rng(20), n, np.arange(n))
        p, dark = self.chance(c), c.dark == 1
        by_class = 0.0
        for k in np.unique(c.label):
            rows = c.label == k
            by_class += rows.mean() * (p[rows & dark].mean() - p[rows & ~dark].mean())
        gain = self.chance(c._replace(dark=np.ones(n))) - self.chance(c._replace(dark=np.zeros(n)))
        raw = p[dark].mean() - p[~dark].mean()
        return {"raw": float(raw), "class": float(by_class), "conditional": float(gain.mean())}


def of_sites(*steps: float, base: float = 0.9, dark: float = 0.0) -> Callable[[Covariates], Floats]:
    """Return a probability that depends on site, class and, by ``dark``, dark skin, all on the logit."""
    hard = np.array([0.3, -0.2, -0.4, 0.0, -0.3, -0.5, -0.8])
    return lambda c: expit(base + np.array(steps)[c.site] + hard[c.label] + dark * c.dark)


def one_site(c: Covariates) -> Floats:
    """Return a probability that is lower on dark skin only in the third site."""
    return expit(1.1 - 0.9 * (c.site == 2) - 1.3 * c.dark * (c.site == 2))


def everything(c: Covariates) -> Floats:
    """Return a probability that depends on site, age, quality and class, but not on skin type."""
    hard = np.array([0.4, -0.1, -0.6])
    site = np.array([0.4, 0.0, -0.6])
    return expit(0.9 + site[c.site] + hard[c.label] - 0.025 * (c.age - 50) + 0.04 * (c.quality - 60))


def two_ages(rng: np.random.Generator, dark: Floats) -> Floats:
    """Draw ages with equal means: light patients are young or old, dark patients in between."""
    light = 52 + 26 * rng.choice([-1, 1], len(dark)) + 7 * rng.standard_normal(len(dark))
    return np.where(dark == 1, 52 + 9 * rng.standard_normal(len(dark)), light)


STEEP = {"dark": (0.05, 0.2, 0.6), "sites": (0.4, 0.3, 0.3)}
RARE = ((0.52, 0.25, 0.12, 0.05, 0.03, 0.02, 0.01), (0.30, 0.25, 0.20, 0.10, 0.08, 0.05, 0.02))
CONFOUNDED = (
    Confounded(
        "site_mild",
        "Sites with more dark skin are a little harder; skin type itself changes nothing.",
        of_sites(0.2, 0.0, -0.3),
        dark=(0.15, 0.25, 0.4),
    ),
    Confounded(
        "site_strong",
        "The site with most of the dark skin is much harder; skin type itself changes nothing.",
        of_sites(0.9, 0.0, -0.9),
        **STEEP,
    ),
    Confounded(
        "site_strong_clustered",
        "The same with one to eight images of a patient and strongly correlated answers.",
        of_sites(0.9, 0.0, -0.9),
        n_patients=250,
        most=8,
        load=0.8,
        **STEEP,
    ),
    Confounded(
        "age_bent",
        "The young and the old are harder; dark patients are of middle age, with the same mean age.",
        lambda c: expit(1.3 - 0.0012 * (c.age - 52) ** 2),
        age=two_ages,
        assumption=False,
    ),
    Confounded(
        "quality_on_path",
        "Dark images have lower quality, and only quality matters.",
        lambda c: expit(1.0 + 0.05 * (c.quality - 60)),
        quality_drop=12.0,
    ),
    Confounded(
        "effect_alone",
        "Dark skin lowers the chance by about .10 and goes along with nothing else.",
        of_sites(0.2, 0.0, -0.2, dark=-EFFECT),
    ),
    Confounded(
        "effect_confounded",
        "Dark skin lowers the chance by about .10 and a hard site makes the raw difference larger.",
        of_sites(0.7, 0.0, -0.7, dark=-EFFECT),
        missing=0.03,
        **STEEP,
    ),
    Confounded(
        "effect_masked",
        "Dark skin lowers the chance by about .10 and an easy site hides it.",
        of_sites(-0.5, 0.0, 0.75, base=0.8, dark=-0.52),
        n_patients=500,
        most=3,
        load=0.6,
        **STEEP,
    ),
    Confounded(
        "one_tone_site",
        "A third of the images come from an easy site that has no dark skin at all.",
        of_sites(0.9, 0.0, -0.6),
        sites=(0.34, 0.36, 0.3),
        dark=(0.0, 0.3, 0.5),
        overlap=False,
    ),
    Confounded(
        "rare_classes",
        "Seven classes, the rarest with 1 %; rare classes are hard and more frequent on dark skin.",
        of_sites(0.3, 0.0, -0.3),
        n_patients=1200,
        mix=RARE,
        dark=(0.15, 0.25, 0.35),
    ),
    Confounded(
        "sixty_patients",
        "Sixty patients with one to eight images in two sites, with correlated answers.",
        of_sites(0.4, -0.4),
        n_patients=60,
        most=8,
        load=0.6,
        sites=(0.55, 0.45),
        dark=(0.2, 0.5),
    ),
    Confounded(
        "nearly_always_right",
        "Accuracy .97, with a hard site that has most of the dark skin.",
        of_sites(0.7, 0.0, -0.7, base=3.6),
        n_patients=1000,
        **STEEP,
    ),
    Confounded(
        "effect_in_one_site",
        "Dark skin lowers the chance by about .30, in one site only.",
        one_site,
        sites=(0.4, 0.27, 0.33),
        dark=(0.15, 0.2, 0.4),
        assumption=False,
    ),
    Confounded(
        "everything_at_once",
        "Site, age, quality and class all go along with skin type and with the answer; type changes nothing.",
        everything,
        n_patients=700,
        most=3,
        load=0.5,
        age=lambda rng, dark: rng.normal(48 + 12 * dark, 15),
        quality_drop=6.0,
        dark=(0.1, 0.2, 0.5),
        mix=((0.6, 0.25, 0.15), (0.35, 0.3, 0.35)),
        missing=0.03,
    ),
)
