"""The dials of the synthetic dataset: their meaning and defaults, and how options are read."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FITZPATRICK17K = (2947, 4808, 3308, 2781, 1533, 635)
"""Number of images of each type in Fitzpatrick17k (Groh et al. 2021); ``fst_imbalance=1`` has these shares."""
FADE_WEIGHT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Share of ``fade`` that applies to each type, I to VI."""
CLASS_RATIO = 10.0
"""Ratio of images of the first class to those of the last at ``class_imbalance=1``."""


class Dials(BaseModel):
    """Options of ``synthderm``; with the defaults only the skin colour depends on skin type.

    Attributes
    ----------
    images
        Number of images, without planted duplicates.
    size
        Height and width in pixels.
    seed
        Seed of all draws.
    fst_imbalance
        0: every type has the same number of images; 1: the shares of Fitzpatrick17k; linear in between.
    class_imbalance
        0: every class has the same number of lesions; 1: the first class has 10 times as many as the last;
        geometric in between.
    fade
        Lesion contrast of type t is multiplied by ``1 - fade * (t - 1) / 5``.
    contrast
        Multiplier of the lesion contrast of every type; smaller is harder.
    hair
        Multiplier of the number of hairs.
    noise
        Multiplier of the sensor noise.
    label_noise
        Probability that a lesion is given another class, drawn uniformly.
    label_noise_dark
        Added to ``label_noise`` for types V and VI.
    annotator_disagreement
        Probability that the second annotator's type (``fst_centaur``) is one off the first's (``fst``).
    planted_duplicates
        Number of additional near-duplicates, as a share of ``images``.
    reveal_duplicates
        Whether ``duplicate_group`` names them; otherwise only ``planted_duplicate_of`` does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(1200, ge=1, le=999_999)
    size: int = Field(128, ge=32, le=1024)
    seed: int = Field(0, ge=0, lt=1 << 63)
    fst_imbalance: float = Field(0.0, ge=0, le=1)
    class_imbalance: float = Field(0.0, ge=0, le=1)
    fade: float = Field(0.0, ge=0, le=1)
    contrast: float = Field(1.0, ge=0, le=1)
    hair: float = Field(1.0, ge=0, le=3)
    noise: float = Field(1.0, ge=0, le=3)
    label_noise: float = Field(0.0, ge=0, le=1)
    label_noise_dark: float = Field(0.0, ge=0, le=1)
    annotator_disagreement: float = Field(0.0, ge=0, le=1)
    planted_duplicates: float = Field(0.0, ge=0, le=1)
    reveal_duplicates: bool = False

    @model_validator(mode="after")
    def _noise_is_a_probability(self) -> Dials:
        if self.label_noise + self.label_noise_dark > 1:
            raise ValueError("label_noise + label_noise_dark is above 1")
        return self

    def fst_shares(self) -> tuple[float, ...]:
        """Return the share of images of each type, I to VI; they sum to 1."""
        total = sum(FITZPATRICK17K)
        return tuple((1 - self.fst_imbalance) / 6 + self.fst_imbalance * n / total for n in FITZPATRICK17K)

    def class_shares(self, n_classes: int) -> tuple[float, ...]:
        """Return the share of lesions of each class; they sum to 1."""
        steps = max(n_classes - 1, 1)
        weights = [CLASS_RATIO ** (-self.class_imbalance * i / steps) for i in range(n_classes)]
        return tuple(w / sum(weights) for w in weights)

    def contrast_of(self, fst: int) -> float:
        """Return the exact multiplier of lesion contrast for type ``fst`` (1-6): the planted disparity."""
        return self.contrast * (1 - self.fade * FADE_WEIGHT[fst - 1])

    def label_noise_of(self, fst: int) -> float:
        """Return the probability that a lesion of type ``fst`` (1-6) is given another class."""
        return self.label_noise + (self.label_noise_dark if fst >= 5 else 0.0)


def read_dials(options: Mapping[str, object], *, source: str = "synthderm options") -> Dials:
    """Read options, given as text or typed.

    Raises
    ------
    InputError
        When options are wrong; lists all problems, and suggests the nearest name for an unknown one.
    """
    try:
        return Dials.model_validate(dict(options))
    except ValidationError as error:
        raise InputError(
            source,
            [_problem(e["type"], e["loc"], e["msg"], e["input"]) for e in error.errors()],
            remedy=f"Options: {', '.join(Dials.model_fields)}.",
        ) from error


def _problem(kind: str, where: tuple[int | str, ...], message: str, value: object) -> str:
    name = ".".join(map(str, where))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, Dials.model_fields, n=1)
        return f"unknown option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    text = message.removeprefix("Value error, ")
    return f"{name} = {value!r}: {text}" if name else text
