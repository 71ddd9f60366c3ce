"""Several candidates together: the images that each holds out, their mean, and its temperature."""

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
"""Value for a split: every image, predicted by the candidates that have not seen it."""
TRAINED = "trained"
"""Value for a split: the images that the candidates were trained on."""


@dataclass(frozen=True)
class Ensemble:
    """Predictors to average; ``validation`` is the data as split for each: its ``val`` is what it held out."""

    predictors: tuple[Predictor, ...]
    dataset: Dataset
    validation: tuple[Dataset, ...]

    @classmethod
    def of(
        cls, predictors: Sequence[Predictor], dataset: Dataset, *, find_unseen: bool, held_out: bool = False
    ) -> Self:
        """Return an ensemble; ``find_unseen`` looks up held-out images, ``held_out`` requires them to be known."""
        known = tuple(validation_of(one, dataset, held_out=held_out) for one in predictors) if find_unseen else ()
        return cls(tuple(predictors), dataset, known)

    @property
    def folded(self) -> bool:
        """Whether a candidate was validated on a fold."""
        return any(isinstance(data, FoldedData) for data in self.validation)

    @property
    def shared_val(self) -> bool:
        """Whether all were validated on the same images."""
        first, *others = (set(data.part(VALIDATION)["image_id"]) for data in self.validation)
        return all(other == first for other in others)

    @property
    def unseen(self) -> str:
        """The split of the dataset that the candidates hold out together."""
        return POOL if self.folded else VALIDATION

    def check_unseen(self, split: str) -> None:
        """Refuse a split when runs on folds were trained on some of its images."""
        if self.folded and set(split.split(JOINED)) & set(SPLITS):
            raise UsageError(
                f"{self.dataset.root}: runs on folds were trained on images of {split!r}",
                remedy=f"--split {HELD_OUT} predicts each image of {POOL} with the runs that have not seen it.",
            )

    def as_seen(self, split: str) -> list[Predicted]:
        """Return the predictions of each candidate for a split of its own data."""
        asked = zip(self.predictors, self.validation, strict=True)
        return [checked(str(one), one.predict(data, split)) for one, data in asked]

    def held_out(self) -> Predicted:
        """Return the mean over the runs that have not seen an image; runs of all folds are needed."""
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
                remedy="Name the runs of the other folds as well.",
            )
        return Predicted(ids, total / count[:, None], classes)

    def trained(self) -> Predicted:
        """Return the mean for the training images, which must be the same for all candidates."""
        if not self.shared_val:
            raise UsageError(
                f"{', '.join(map(str, self.predictors))}: trained on different images of {self.dataset.root}",
                remedy="Name runs of one fold, or of none.",
            )
        return mean_of(self.as_seen(TRAIN))

    def temperature(self) -> Temperature:
        """Fit the temperature of the mean if all have the same validation images, else one for each alone."""
        found = self.as_seen(VALIDATION)
        classes = found[0].classes
        parts = [mean_of(found)] if self.shared_val else found
        prob = np.concatenate([one.in_order(classes) for one in parts])
        label = self.dataset.manifest.set_index("image_id")["label"]
        truth = [classes.index(name) for one in parts for name in label.loc[list(one.image_id)]]
        return fit_temperature(log(prob), np.array(truth))

    def fitted_on(self) -> str | None:
        """Return the hash of the labels that a temperature is fitted on; None if folds are missing."""
        if self.shared_val:
            return self.validation[0].truth(VALIDATION).digest
        whole = self.dataset.truth(self.unseen)
        held_out = {image for data in self.validation for image in data.part(VALIDATION)["image_id"]}
        return whole.digest if len(held_out) == len(whole) else None

    def mean(self, split: str, temperature: Temperature | None) -> Predicted:
        """Return the mean for a split, with a temperature applied to the mean or to each candidate before it."""
        found = [checked(str(one), one.predict(self.dataset, split)) for one in self.predictors]
        if temperature is None:
            return mean_of(found)
        if self.shared_val:
            return _scaled(mean_of(found), temperature)
        return mean_of([_scaled(one, temperature) for one in found])


def mean_of(found: Sequence[Predicted]) -> Predicted:
    """Return the mean of predictions for the same images, with classes in the order of the first."""
    first, *others = found
    total = first.prob
    for one in others:
        assert list(one.image_id) == list(first.image_id)  # both in the order of the manifest
        total = total + one.in_order(first.classes)
    return Predicted(first.image_id, total / len(found), first.classes)


def _scaled(one: Predicted, temperature: Temperature) -> Predicted:
    return one._replace(prob=softmax(log(one.prob) / temperature.value))


def log(prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms; that of 0 is finite."""
    logs: NDArray[np.float64] = np.log(np.clip(prob, np.finfo(np.float64).tiny, None))
    return logs
