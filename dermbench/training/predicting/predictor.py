"""Base class of predictors, which map the images of a dataset to probabilities or embeddings."""

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
"""Default number of images at a time."""


@dataclass(frozen=True)
class Request:
    """Options of :func:`dermbench.training.predict`; None stands for the predictor's default."""

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
"""Options that only some predictors take, by their names on the command line."""


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
    """Data that a predictor was trained and validated on: fold, hash of the dataset, hash of the held-out ids.

    Fields are 0 or empty without folds, or when nothing is known.
    """

    folds: int = 0
    fold: int = 0
    dataset: str = ""
    held_out: str = ""


class Predictor(ABC):
    """One kind of predictor; subclasses are found by their prefix in :mod:`.registry`.

    ``name`` is the text after the prefix, or a path without prefix.

    Attributes
    ----------
    prefix, form
        Text before the colon in its candidates, and how candidates are written, for help and messages.
    views
        Kind of views of an image that it can average.
    takes
        Options among :data:`OPTIONS` that it uses.
    """

    prefix: ClassVar[str]
    form: ClassVar[str]
    views: ClassVar[Views] = "none"
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, request: Request) -> None:
        self.name, self.request = name, request
        if self.views == "none" and len(request.views) > 1:
            raise UsageError(f"{self} has no views of images to average", remedy="Predict without --tta.")
        if self.views == "one size" and any(view.scale != 1 for view in request.views):
            raise UsageError(f"{self} takes images of one size", remedy="Choose --tta mirror, flips or dihedral.")

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"

    @classmethod
    def is_meant(cls, path: Path) -> bool:  # noqa: ARG003 - for subclasses
        """Return whether a candidate that is a path without prefix is of this kind."""
        return False

    @abstractmethod
    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities of the images of a split.

        Raises
        ------
        UsageError, InputError
            When it cannot be opened, predicts other classes than the dataset's, or has no probabilities.
        """

    def predictions(self, dataset: Dataset, split: str) -> Predictions:
        """Return the predictions of a split when this is the only predictor."""
        return make_predictions(*checked(str(self), self.predict(dataset, split)))

    def embed(self, dataset: Dataset, split: str) -> NDArray[np.float64]:  # noqa: ARG002 - for subclasses
        """Return the embeddings of the images of a split in the order of the manifest, shape (n, n_features).

        Raises
        ------
        UsageError
            When it has none.
        """
        raise UsageError(
            f"{self} has probabilities but no embeddings", remedy="Embed a run, timm:NAME or open_clip:NAME."
        )

    def seen(self) -> Seen:
        """Return the data that it was trained on; by default unknown."""
        return Seen()

    def about(self) -> Mapping[str, str]:
        """Return its entry in a side record: name, and if known hash and selection rule."""
        return {"name": str(self)}


class FilePredictor(Predictor):
    """A predictor that is one file."""

    def __str__(self) -> str:
        return self.name

    def about(self) -> Mapping[str, str]:
        """Return name and hash of the file."""
        return {"name": Path(self.name).name, "digest": file_digest(Path(self.name))}


def checked(source: str, found: Predicted) -> Predicted:
    """Return the predictions, after checking that all probabilities are finite."""
    check_finite(source, found.image_id, found.prob, "probabilities")
    return found


def check_finite(source: str, image_id: NDArray[np.object_], values: NDArray[np.float64], what: str) -> None:
    """Raise an :class:`InputError` that names the images if any of ``values`` is NaN or infinite."""
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        which = f"{int(wrong.sum()):,} images: {name_some(image_id[wrong])}"
        raise InputError(
            source,
            [f"gives NaN or infinity instead of {what} for {which}"],
            remedy="Its weights or its normalisation are damaged, or its arithmetic overflows.",
        )
