"""Probabilities of a network, and the few scores that training itself looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.metrics import f1_score

from dermbench.training.augment import resize_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dermbench.training.device import Runtime
    from dermbench.training.model import Network
    from dermbench.training.pixels import Samples


class Normaliser:
    """Brings images in [0, 1] to what a network expects.

    Parameters
    ----------
    network
        Gives mean and standard deviation a channel.
    runtime
        Gives device and memory layout.
    """

    def __init__(self, network: Network, runtime: Runtime) -> None:
        self.mean = torch.tensor(network.mean, device=runtime.device).view(1, -1, 1, 1)
        self.std = torch.tensor(network.std, device=runtime.device).view(1, -1, 1, 1)
        self.memory_format = runtime.memory_format

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return normalised images, shape unchanged."""
        return ((images - self.mean) / self.std).contiguous(memory_format=self.memory_format)


def whole_batches(
    samples: Samples,
    network: Network,
    runtime: Runtime,
    *,
    size: int,
    batch_size: int,
    index: NDArray[np.int64] | None = None,
) -> Iterator[torch.Tensor]:
    """Yield normalised whole images (no augmentation) in order, ``batch_size`` at a time.

    ``index`` chooses images; by default all are taken.
    """
    normalise = Normaliser(network, runtime)
    rows = np.arange(len(samples)) if index is None else index
    for start in range(0, len(rows), batch_size):
        chosen = rows[start : start + batch_size]
        yield normalise(resize_batch(samples.batch(chosen, runtime.device), size))


@torch.inference_mode()
def collect(
    function: Callable[[torch.Tensor], torch.Tensor],
    batches: Iterator[torch.Tensor],
    network: Network,
    runtime: Runtime,
) -> NDArray[np.float64]:
    """Return ``function`` of every image in double precision, shape (n_samples, n_outputs).

    The network is in evaluation mode meanwhile and keeps the mode it had.
    """
    training = network.module.training
    network.module.eval()
    outputs = []
    for images in batches:
        with runtime.autocast():
            outputs.append(function(images).double().cpu())
    network.module.train(training)
    stacked: NDArray[np.float64] = torch.cat(outputs).numpy()
    return stacked


def predict_logits(
    samples: Samples, network: Network, runtime: Runtime, *, size: int, batch_size: int
) -> NDArray[np.float64]:
    """Return logits in double precision, shape (n_samples, n_classes)."""
    batches = whole_batches(samples, network, runtime, size=size, batch_size=batch_size)
    return collect(network.module, batches, network, runtime)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return class probabilities, rows summing to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def validation_scores(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> dict[str, float]:
    """Return the scores of a validation split.

    Returns
    -------
    dict
        ``val_loss``, the mean of -log p(label) in nats without class weights; ``val_macro_f1`` over the
        classes that occur in ``labels``; ``val_accuracy``.
    """
    prob = softmax(logits)
    chosen = np.clip(prob[np.arange(len(labels)), labels], np.finfo(np.float64).tiny, None)
    predicted = prob.argmax(axis=1)
    present = np.unique(labels)
    f1 = f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    return {
        "val_loss": float(-np.log(chosen).mean()),
        "val_macro_f1": float(f1),
        "val_accuracy": float((predicted == labels).mean()),
    }
