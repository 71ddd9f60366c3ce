"""Training methods: classes with hooks that the training loop calls.

The base class is empirical risk minimisation with the sampler, class weights and label smoothing of the
configuration; a method overrides single hooks. ``method = "mixup+group_dro"`` makes a class with both as bases, so
hooks that extend others call ``super()``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch.nn import functional as F  # noqa: N812 - the usual name

from dermbench.training.config.device import to_device
from dermbench.training.data.balance import SAMPLERS, class_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network


class MethodOptions(BaseModel):
    """Options of a method; a subclass declares them as pydantic fields with defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class TrainingSplit:
    """Data that a method may use: only the training split. Arrays have the shape (n_samples,).

    Attributes
    ----------
    labels, groups
        Indices of classes, and indices into ``group_names``.
    group_names
        Values of the sensitive feature ``group_by``; images without a value form the group ``unknown``.
    units
        Number of each image's patient, lesion or duplicate group.
    classes
        Names of the classes, if known.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    group_names: tuple[str, ...]
    units: NDArray[np.int64]
    n_classes: int
    image_id: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    classes: tuple[str, ...] = ()

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of images of each class, shape (n_classes,)."""
        return np.bincount(self.labels, minlength=self.n_classes)


@dataclass(frozen=True)
class Targets:
    """Targets of a batch or of a part of one.

    ``soft`` holds the shares of the classes, shape (n, n_classes), with rows that sum to 1. ``labels`` and
    ``groups`` hold the class and group of each image, shape (n,).
    """

    soft: Tensor
    labels: Tensor
    groups: Tensor

    def softened(self, soft: Tensor) -> Targets:
        """Return the targets with ``soft`` replaced."""
        return replace(self, soft=soft)


class Method:
    """Empirical risk minimisation (``erm``); subclasses override single hooks.

    The loss of one optimisation step is ``sum_k q_k S_k / N_k`` over strata k; there is one stratum unless a
    method makes more. ``S_k`` (:meth:`numerators`) and ``N_k`` (:meth:`denominators`) are sums over images, and
    ``q_k`` (:attr:`coefficients`) is fixed before the step. The parts of a batch, on several processes or one
    after the other, therefore add up to exactly the loss and the gradient of the whole batch.

    Attributes
    ----------
    reference
        Publication of the method.
    needs_groups
        Whether the method needs at least two groups.
    Options
        Pydantic model of its options; ``options`` holds the validated values.
    n_strata
        Number of strata of the loss.
    """

    reference: ClassVar[str] = "Vapnik 1991, Principles of risk minimization for learning theory"
    needs_groups: ClassVar[bool] = False
    Options: ClassVar[type[MethodOptions]] = MethodOptions

    def __init__(
        self, config: TrainConfig, split: TrainingSplit, options: MethodOptions, device: torch.device
    ) -> None:
        self.config, self.split, self.options, self.device = config, split, options, device
        weights = class_weights(config.class_weights, split.counts)
        self.class_weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self.n_strata = 1

    @property
    def members(self) -> NDArray[np.int64]:
        """Indices of the images to train on; by default all of the training split."""
        return np.arange(len(self.split.labels))

    @property
    def size(self) -> int:
        """Number of images drawn in an epoch."""
        return len(self.members)

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the images of one epoch in order, shape (size,); every process draws the same."""
        members = self.members
        sampler = SAMPLERS[self.config.sampler]
        return members[sampler(self.split.labels[members], self.split.groups[members], rng)]

    def targets(self, index: NDArray[np.int64]) -> Targets:
        """Return the targets of images of the training split."""
        labels = to_device(torch.from_numpy(self.split.labels[index]), self.device)
        groups = to_device(torch.from_numpy(self.split.groups[index]), self.device)
        return Targets(F.one_hot(labels, self.split.n_classes).float(), labels, groups)

    def batch(
        self,
        images: Tensor,
        targets: Targets,
        generator: torch.Generator,  # noqa: ARG002 - for subclasses
    ) -> tuple[Tensor, Targets]:
        """Return the images to learn from, in [0, 1], shape (n, 3, side, side), and their targets.

        The CPU generator is in the same state for every part of a batch, so draws must not depend on the number of
        images. Mix only neighbours (0 with 1, 2 with 3, ...), because parts of even size are mixed one by one.
        """
        return images, targets

    def denominators(self, targets: Targets) -> Tensor:
        """Return N, shape (n_strata,): additive over parts of a batch, known before the forward pass."""
        return self.sum_strata(self.sample_weights(targets), targets)

    def numerators(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return S, shape (n_strata,): additive over parts of a batch, differentiable in the logits."""
        return self.sum_strata(self.losses(self.adjust(logits.float()), targets), targets)

    def objective(self, numerators: Tensor, denominators: Tensor) -> Tensor:
        """Return the loss of a step, ``sum_k q_k S_k / N_k``, without empty strata.

        N is for the whole batch. With S of a part of the batch, the result is that part's share of the loss.
        """
        there = denominators > 0
        means = numerators / torch.where(there, denominators, 1.0)
        return (self.coefficients * torch.where(there, means, 0.0)).sum()

    def observe(self, numerators: Tensor, denominators: Tensor) -> None:
        """Use the sums of a finished step over the whole batch, without gradient, for example to update q."""

    @property
    def coefficients(self) -> Tensor:
        """Weight q of each stratum in the next step, shape (n_strata,)."""
        return torch.ones(self.n_strata, device=self.device)

    def strata(self, targets: Targets) -> Tensor:
        """Return the stratum of each image, shape (n,)."""
        return torch.zeros_like(targets.labels)

    def adjust(self, logits: Tensor) -> Tensor:
        """Return the logits for the loss, in float32; prediction uses the network's own."""
        return logits

    def losses(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return the cross-entropy of each image in nats, ``-sum_c w_c t_c log p_c``, shape (n,)."""
        return -(logits.log_softmax(dim=1) * self.smoothed(targets)) @ self.class_weights

    def smoothed(self, targets: Targets) -> Tensor:
        """Return the targets with the share ``label_smoothing`` spread over all classes."""
        smoothing = self.config.label_smoothing
        return (1 - smoothing) * targets.soft + smoothing / self.split.n_classes

    def sample_weights(self, targets: Targets) -> Tensor:
        """Return the weight of each image in the mean, shape (n,)."""
        return targets.soft @ self.class_weights

    def sum_strata(self, values: Tensor, targets: Targets) -> Tensor:
        """Return the sum of ``values`` in each stratum, shape (n_strata,)."""
        if self.n_strata == 1:
            return values.sum().reshape(1)
        empty = torch.zeros(self.n_strata, dtype=values.dtype, device=values.device)
        return empty.index_add(0, self.strata(targets), values)

    def after_step(self, network: Network, step: int) -> None:
        """Do something with the network after ``step`` optimisation steps; by default nothing."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the state for a checkpoint, by names that start with the method's."""
        return {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what :meth:`tensors` returned."""

    def finish(self, network: Network, samples: Samples, runtime: Runtime) -> tuple[str, ...]:  # noqa: ARG002
        """Change the chosen network after training; return sentences about it for ``run.json``.

        ``samples`` is the training split.
        """
        return ()
