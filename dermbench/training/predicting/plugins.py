"""Models of other packages: a Python callable under the entry-point group ``dermbench.models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from dermbench.errors import InputError
from dermbench.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@runtime_checkable
class ImageModel(Protocol):
    """What ``predict plugin:NAME`` calls.

    Attributes
    ----------
    image_size
        Side of the square images it is given, in pixels.
    """

    image_size: int

    def __call__(self, images: NDArray[np.uint8], classes: tuple[str, ...]) -> ArrayLike:
        """Return probabilities, shape (n, n_classes), in the order of ``classes``.

        ``images`` are RGB, shape (n, image_size, image_size, 3).
        """


SIDES = (16, 4096)
"""Smallest and largest side of an image that a model may ask for."""


def _is_model(item: object) -> bool:
    if isinstance(item, type) or not isinstance(item, ImageModel):
        return False
    return type(item.image_size) is int and SIDES[0] <= item.image_size <= SIDES[1]


MODELS: Registry[ImageModel] = Registry("model", "dermbench.models", is_one=_is_model)
"""Models of other packages by name."""


def probabilities_of(name: str, images: NDArray[np.uint8], classes: tuple[str, ...]) -> NDArray[np.float64]:
    """Return what a model says of a batch of images, checked, shape (n, n_classes).

    Raises
    ------
    InputError
        When it returns another shape, or rows that are no probabilities.
    """
    answer = MODELS.get(name)(images, classes)
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"model {name!r}", [f"returned no table of numbers: {error}"]) from error
    expected = (len(images), len(classes))
    if values.shape != expected:
        raise InputError(f"model {name!r}", [f"returned the shape {values.shape}, not {expected}"])
    if not np.isfinite(values).all() or (values < 0).any() or (np.abs(values.sum(axis=1) - 1) > 1e-3).any():
        raise InputError(f"model {name!r}", ["returned rows that are no probabilities (>= 0, with sum 1)"])
    return values
