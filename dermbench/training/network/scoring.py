"""Compute logits and probabilities of a network, and its scores on the validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import special
from sklearn.metrics import f1_score

from dermbench.training.config.device import MEMORY_FORMAT
from dermbench.training.config.distributed import World
from dermbench.training.data.augment import resize_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from dermbench.training.config.device import Runtime
    from dermbench.training.data.groups import Groups
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

ALONE = World()
OF_GROUP = "val_accuracy_"
"""Prefix of the column of a group's accuracy."""


class Normaliser:
    """Normalises images in [0, 1] by a network's mean and standard deviation of each channel."""

    def __init__(self, network: Network, runtime: Runtime) -> None:
        self.mean = torch.tensor(network.mean, device=runtime.device).view(1, -1, 1, 1)
        self.std = torch.tensor(network.std, device=runtime.device).view(1, -1, 1, 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return normalised images, shape unchanged."""
        return ((images - self.mean) / self.std).contiguous(memory_format=MEMORY_FORMAT)


def batch_bounds(n: int, batch_size: int, world: World) -> list[tuple[int, int]]:
    """Return the bounds of this process's batches; batches do not depend on the number of processes."""
    bounds = [(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    return bounds[world.rank :: world.size]


def whole_batches(
    samples: Samples,
    network: Network,
    runtime: Runtime,
    *,
    size: int,
    batch_size: int,
    index: NDArray[np.int64] | None = None,
    world: World = ALONE,
) -> Iterator[torch.Tensor]:
    """Yield batches of normalised images without augmentation, in order; ``index`` selects images."""
    normalise = Normaliser(network, runtime)
    rows = np.arange(len(samples)) if index is None else index
    for start, stop in batch_bounds(len(rows), batch_size, world):
        yield normalise(resize_batch(samples.batch(rows[start:stop], runtime.device), size))


@torch.inference_mode()
def collect(
    function: Callable[[torch.Tensor], torch.Tensor],
    batches: Iterator[torch.Tensor],
    network: Network,
    runtime: Runtime,
) -> NDArray[np.float64]:
    """Apply ``function`` to every image in evaluation mode; return float64, shape (n_samples, n_outputs)."""
    training = network.module.training
    network.module.eval()
    outputs = []
    for images in batches:
        with runtime.autocast():
            outputs.append(function(images).float())
    network.module.train(training)
    # one copy at the end, because each copy waits for the device
    stacked: NDArray[np.float64] = torch.cat(outputs).cpu().double().numpy() if outputs else np.zeros((0, 0))
    return stacked


def predict_logits(
    samples: Samples, network: Network, runtime: Runtime, *, size: int, batch_size: int, world: World = ALONE
) -> NDArray[np.float64]:
    """Return logits in double precision, shape (n_samples, n_classes), in every process."""
    batches = whole_batches(samples, network, runtime, size=size, batch_size=batch_size, world=world)
    own = collect(network.module, batches, network, runtime)
    return merge(own, batch_bounds(len(samples), batch_size, world), len(samples), world, runtime.device)


def merge(
    own: NDArray[np.float64], bounds: list[tuple[int, int]], n: int, world: World, device: torch.device
) -> NDArray[np.float64]:
    """Return the rows of all processes in order, shape (n, n_outputs), from this one's rows and their bounds."""
    if world.size == 1:
        return own
    columns = int(world.highest(own.shape[1], device))
    merged = np.zeros((n, columns))
    if bounds:
        merged[np.concatenate([np.arange(start, stop) for start, stop in bounds])] = own
    # the sum is exact, because each row is zero in all processes but one
    summed: NDArray[np.float64] = world.sum(torch.from_numpy(merged).to(device)).cpu().numpy()
    return summed


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return class probabilities, with rows that sum to 1; a row with NaN or infinity becomes NaN."""
    with np.errstate(invalid="ignore"):
        probabilities: NDArray[np.float64] = special.softmax(logits, axis=1)
    return probabilities


def validation_scores(
    labels: NDArray[np.int64], logits: NDArray[np.float64], groups: Groups | None = None
) -> dict[str, float | None]:
    """Return the scores of a validation split by column of the history.

    ``val_loss`` is the mean of -log p(label) in nats, without class weights; ``val_macro_f1`` averages the classes
    in ``labels``. ``groups`` adds the accuracy of each group and the lowest one, which is None without groups.
    """
    prob = softmax(logits)
    chosen = np.clip(prob[np.arange(len(labels)), labels], np.finfo(np.float64).tiny, None)
    predicted = prob.argmax(axis=1)
    present = np.unique(labels)
    f1 = f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    scores: dict[str, float | None] = {
        "val_loss": float(-np.log(chosen).mean()),
        "val_macro_f1": float(f1),
        "val_accuracy": float((predicted == labels).mean()),
    }
    return scores if groups is None else scores | _group_scores(predicted == labels, groups)


def class_hits(
    labels: NDArray[np.int64], logits: NDArray[np.float64], classes: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Return for each class the numbers of its images that are predicted right and in all."""
    right = logits.argmax(axis=1) == labels
    hits, totals = (np.bincount(part, minlength=len(classes)).tolist() for part in (labels[right], labels))
    return {name: (hits[k], totals[k]) for k, name in enumerate(classes)}


def _group_scores(right: NDArray[np.bool_], groups: Groups) -> dict[str, float | None]:
    accuracy = {name: float(right[groups.codes == code].mean()) for code, name in groups.known.items()}
    return {
        "val_worst_accuracy": min(accuracy.values(), default=None),
        **{f"{OF_GROUP}{name}": value for name, value in accuracy.items()},
    }
