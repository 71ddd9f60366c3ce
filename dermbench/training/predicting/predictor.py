"""What a predictor is: anything that maps the images of a dataset to probabilities or to embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from dermbench.artifacts import make_predictions
from dermbench.artifacts.hashing import file_digest
from dermbench.errors import InputError, UsageError, name_some
from dermbench.training.predicting.tta import VIEWS, View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts import Dataset, Predictions

Views = Literal["any", "one size", "none"]
LIMIT = 32
"""Images at a time where nobody says."""


@dataclass(frozen=True)
class Request:
    """How to predict: the options of :func:`dermbench.training.predict`; None is the predictor's own."""

    views: tuple[View, ...] = VIEWS["none"]
    batch_size: int | None = None
    device: str = "auto"
    weights: Path | str | None = None
    embeddings: Path | str | None = None
    neighbours: int = 0
    prompts: Path | str | None = None
    mapping: Path | str | None = None


OPTIONS = {
    "weights": "--weights",
    "embeddings": "--embeddings",
    "neighbours": "--neighbours",
    "prompts": "--prompts",
    "mapping": "--map",
}
"""Options that only some predictors take, as the command line writes them."""


class Predicted(NamedTuple):
    """Probabilities of images in the order of the manifest, shape (n_samples, n_classes), and their classes."""

    image_id: NDArray[np.object_]
    prob: NDArray[np.float64]
    classes: tuple[str, ...]

    def in_order(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities of ``classes``."""
        return self.prob[:, [self.classes.index(label) for label in classes]]


@dataclass(frozen=True)
class Seen:
    """What a predictor was trained and validated on: its fold, and hashes of the dataset and the held-out ids.

    0 and empty where there are no folds, or nothing is known.
    """

    folds: int = 0
    fold: int = 0
    dataset: str = ""
    held_out: str = ""


class Predictor(ABC):
    """One kind of predictor; subclasses are found by their prefix in :mod:`.registry`.

    ``name`` is what follows the prefix, or the path where none is written.

    Attributes
    ----------
    prefix, form
        What its candidates begin with, ahead of a colon, and how they are written, for help and messages.
    views
        Which views of an image it can average.
    takes
        Options of :class:`Request` that it understands, of :data:`OPTIONS`.
    """

    prefix: ClassVar[str]
    form: ClassVar[str]
    views: ClassVar[Views] = "none"
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, request: Request) -> None:
        self.name, self.request = name, request
        if self.views == "none" and len(request.views) > 1:
            raise UsageError(f"{self}: there are no views of an image to average", remedy="Predict without --tta.")
        if self.views == "one size" and any(view.scale != 1 for view in request.views):
            raise UsageError(f"{self} takes images of one size", remedy="Choose --tta mirror, flips or dihedral.")

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"

    @classmethod
    def is_meant(cls, path: Path) -> bool:  # noqa: ARG003 - for subclasses
        """Return whether a candidate written as a bare path is of this kind."""
        return False

    @abstractmethod
    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities of the images of a split.

        Raises
        ------
        UsageError, InputError
            When it cannot be had, predicts other classes than the dataset's, or says no probabilities.
        """

    def predictions(self, dataset: Dataset, split: str) -> Predictions:
        """Return what is written for a split when it is asked alone."""
        return make_predictions(*checked(str(self), self.predict(dataset, split)))

    def embed(self, dataset: Dataset, split: str) -> NDArray[np.float64]:  # noqa: ARG002 - for subclasses
        """Return the embeddings of the images of a split in the order of the manifest, shape (n, n_features).

        Raises
        ------
        UsageError
            When there are none.
        """
        raise UsageError(
            f"{self} gives probabilities only, no embeddings", remedy="Embed a run, timm:NAME or open_clip:NAME."
        )

    def seen(self) -> Seen:
        """Return what it was trained on; by default nothing is known."""
        return Seen()

    def about(self) -> Mapping[str, str]:
        """Return what a side record says of it: its name, and hash and selection where it has them."""
        return {"name": str(self)}


class FilePredictor(Predictor):
    """A predictor that is one file, named by its path."""

    def __str__(self) -> str:
        return self.name

    def about(self) -> Mapping[str, str]:
        """Return name and hash of the file."""
        return {"name": Path(self.name).name, "digest": file_digest(Path(self.name))}


def checked(source: str, found: Predicted) -> Predicted:
    """Return predictions whose probabilities are finite."""
    check_finite(source, found.image_id, found.prob, "probabilities")
    return found


def check_finite(source: str, image_id: NDArray[np.object_], values: NDArray[np.float64], what: str) -> None:
    """Refuse NaN and infinity in any row of ``values``; the :class:`InputError` names the images."""
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        which = f"{int(wrong.sum()):,} images: {name_some(image_id[wrong])}"
        raise InputError(
            source,
            [f"gives NaN in place of {what} for {which}"],
            remedy="Its weights or its normalisation are damaged, or its arithmetic overflows.",
        )
