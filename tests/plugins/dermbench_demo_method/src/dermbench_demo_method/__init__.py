"""A training method and a predictor of another package, as dermbench finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from dermbench.training.methods import Method, MethodOptions
from dermbench.training.predicting.image_predictor import ImagePredictor

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class LogitNormOptions(MethodOptions):
    """Options of :class:`LogitNorm`.

    Attributes
    ----------
    logit_norm_temperature
        Divisor of the normalised logits.
    """

    logit_norm_temperature: float = Field(0.1, gt=0)


class LogitNorm(Method):
    """Minimise the loss of logits divided by their Euclidean norm: confidence cannot grow by their size."""

    reference = "Wei et al. 2022, Mitigating neural network overconfidence with logit normalization (ICML)"
    Options: ClassVar[type[MethodOptions]] = LogitNormOptions
    options: LogitNormOptions

    def adjust(self, logits: Tensor) -> Tensor:
        """Return normalised logits."""
        logits = super().adjust(logits)
        norm = logits.norm(dim=1, keepdim=True).clamp(min=1e-7)
        return logits / norm / self.options.logit_norm_temperature


class Brightest(ImagePredictor):
    """Says the class whose place is that of the strongest of red, green and blue."""

    prefix = "brightest"
    form = "brightest:"
    image_size = 32

    def probabilities(self, images: NDArray[np.uint8], classes: tuple[str, ...]) -> NDArray[np.float64]:
        """Return a softmax of the mean colours."""
        colour = self.features(images)[:, : len(classes)] / 25
        shares = np.exp(colour - colour.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the mean colours."""
        return images.mean(axis=(1, 2))
