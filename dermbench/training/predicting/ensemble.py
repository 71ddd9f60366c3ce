"""Candidates that are asked together: what each has not seen, their mean, and a temperature for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from dermbench.artifacts.columns import JOINED
from dermbench.errors import UsageError
from dermbench.training.data.folds import POOL, FoldedData
from dermbench.training.data.training_data import SPLITS
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.predictor import Predicted, checked
from dermbench.training.predicting.temperature import Temperature, fit_temperature
from dermbench.training.predicting.unseen import validation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Predictor

TRAIN, VALIDATION = "train", "val"
HELD_OUT = "held-out"
"""In place of a split: every image by the candidates that have not seen it."""
TRAINED = "trained"
"""In place of a split: the images that the candidates were trained on."""


@dataclass(frozen=True)
class Ensemble:
    """Predictors whose probabilities are averaged, and the data as each saw them: ``val`` is what it held out."""

    predictors: tuple[Predictor, ...]
    dataset: Dataset
    validation: tuple[Dataset, ...]

    @classmethod
    def of(cls, predictors: Sequence[Predictor], dataset: Dataset, *, asks: bool, held_out: bool = False) -> Self:
        """Return an ensemble; ``asks`` says whether unseen images matter, ``held_out`` that they are asked for."""
        known = tuple(validation_of(one, dataset, held_out=held_out) for one in predictors) if asks else ()
        return cls(tuple(predictors), dataset, known)

    @property
    def folded(self) -> bool:
        """Whether a candidate was validated on a fold."""
        return any(isinstance(data, FoldedData) for data in self.validation)

    @property
    def alike(self) -> bool:
        """Whether all were validated on the same images."""
        first, *others = (set(data.part(VALIDATION)["image_id"]) for data in self.validation)
        return all(other == first for other in others)

    @property
    def unseen(self) -> str:
        """The split of the dataset that the candidates hold out together."""
        return POOL if self.folded else VALIDATION

    def check_unseen(self, split: str) -> None:
        """Refuse splits of which runs on folds have seen a part."""
        if self.folded and set(split.split(JOINED)) & set(SPLITS):
            raise UsageError(
                f"{self.dataset.root}: runs on folds have trained on images of {split!r}",
                remedy=f"--split {HELD_OUT} gives each image of {POOL} by the runs that have not seen it.",
            )

    def as_seen(self, split: str) -> list[Predicted]:
        """Return the predictions of each for a split of the data as it saw them."""
        asked = zip(self.predictors, self.validation, strict=True)
        return [checked(str(one), one.predict(data, split)) for one, data in asked]

    def held_out(self) -> Predicted:
        """Return the mean for each image over the runs that have not seen it; runs of all folds are needed."""
        found = self.as_seen(VALIDATION)
        classes = found[0].classes
        ids = self.dataset.part(self.unseen)["image_id"].to_numpy(dtype=object)
        place = {image: row for row, image in enumerate(ids)}
        total, count = np.zeros((len(ids), len(classes))), np.zeros(len(ids))
        for one in found:
            rows = [place[image] for image in one.image_id]
            total[rows] += one.in_order(classes)
            count[rows] += 1
        if not count.all():
            raise UsageError(
                f"{self.dataset.root}: these runs hold out {np.count_nonzero(count):,} "
                f"of the {len(ids):,} images of {self.unseen}",
                remedy="Name the runs of the other folds, too.",
            )
        return Predicted(ids, total / count[:, None], classes)

    def trained(self) -> Predicted:
        """Return the mean for the images that all were trained on, which must be the same for all."""
        if not self.alike:
            raise UsageError(
                f"{', '.join(map(str, self.predictors))}: trained on different images of {self.dataset.root}",
                remedy="Name runs of one fold, or of none.",
            )
        return mean_of(self.as_seen(TRAIN))

    def temperature(self) -> Temperature:
        """Return the temperature of the mean where all were validated on the same images, else of each alone."""
        found = self.as_seen(VALIDATION)
        classes = found[0].classes
        parts = [mean_of(found)] if self.alike else found
        prob = np.concatenate([one.in_order(classes) for one in parts])
        label = self.dataset.manifest.set_index("image_id")["label"]
        truth = [classes.index(name) for one in parts for name in label.loc[list(one.image_id)]]
        return fit_temperature(log(prob), np.array(truth))

    def fitted_on(self) -> str | None:
        """Return the hash of the labels that a temperature is fitted on; None of some of several folds."""
        if self.alike:
            return self.validation[0].truth(VALIDATION).digest
        whole = self.dataset.truth(self.unseen)
        held_out = {image for data in self.validation for image in data.part(VALIDATION)["image_id"]}
        return whole.digest if len(held_out) == len(whole) else None

    def mean(self, split: str, temperature: Temperature | None) -> Predicted:
        """Return the mean for a split; a temperature of each alone is applied before the mean is taken."""
        found = [checked(str(one), one.predict(self.dataset, split)) for one in self.predictors]
        if temperature is None:
            return mean_of(found)
        if self.alike:
            return _scaled(mean_of(found), temperature)
        return mean_of([_scaled(one, temperature) for one in found])


def mean_of(found: Sequence[Predicted]) -> Predicted:
    """Return the mean of predictions for the same images, classes in the order of the first."""
    first, *others = found
    total = first.prob
    for one in others:
        assert list(one.image_id) == list(first.image_id)  # the order of the manifest
        total = total + one.in_order(first.classes)
    return Predicted(first.image_id, total / len(found), first.classes)


def _scaled(one: Predicted, temperature: Temperature) -> Predicted:
    return one._replace(prob=softmax(log(one.prob) / temperature.value))


def log(prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms, finite for 0 as well."""
    logs: NDArray[np.float64] = np.log(np.clip(prob, np.finfo(np.float64).tiny, None))
    return logs
