"""Training methods: classes with hooks that the training loop calls.

The base class is empirical risk minimisation with the sampler, class weights and label smoothing of the
configuration; a method overrides single hooks. ``method = "mixup+group_dro"`` is a class with both as bases, so a
hook that adds to what others do calls ``super()``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch.nn import functional as F  # noqa: N812 - the name everybody knows

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
    """What a method may know of the data: the training split alone. Arrays have the shape (n_samples,).

    Attributes
    ----------
    labels, groups
        Indices of classes, and of ``group_names``.
    group_names
        Values of the sensitive feature ``group_by``; images without one are the group ``unknown``.
    units
        Equal for images of one patient, lesion or duplicate group.
    classes
        Names, where known.
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
        """Images a class, shape (n_classes,)."""
        return np.bincount(self.labels, minlength=self.n_classes)


@dataclass(frozen=True)
class Targets:
    """Targets of a batch or of a part of one.

    ``soft`` holds the share of each class, rows summing to 1, shape (n, n_classes); ``labels`` and ``groups`` the
    class and group of each image, shape (n,).
    """

    soft: Tensor
    labels: Tensor
    groups: Tensor

    def softened(self, soft: Tensor) -> Targets:
        """Return the targets with other shares of the classes."""
        return replace(self, soft=soft)


class Method:
    """Empirical risk minimisation (``erm``); subclasses override single hooks.

    The loss of one optimisation step is ``sum_k q_k S_k / N_k`` over strata k (one, unless a method makes
    more). ``S_k`` (:meth:`numerators`) and ``N_k`` (:meth:`denominators`) are sums over images, and ``q_k``
    (:attr:`coefficients`) is fixed before the step. Sums over the parts of a batch, on several processes or in
    turn, therefore give exactly the loss and the gradient of the whole.

    Attributes
    ----------
    reference
        Publication that the method is from.
    needs_groups
        Whether it makes no sense without at least two groups.
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
        """Indices of the images that are trained on; by default all of the training split."""
        return np.arange(len(self.split.labels))

    @property
    def size(self) -> int:
        """Number of images that an epoch draws."""
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

        The CPU generator is in the same state for every part of one batch, so what is drawn must not depend on the
        number of images. Mix neighbours only (0 with 1, 2 with 3, ...): parts of even size are mixed one by one.
        """
        return images, targets

    def denominators(self, targets: Targets) -> Tensor:
        """Return N, shape (n_strata,): additive over the parts of a batch, known before the forward pass."""
        return self.sum_strata(self.sample_weights(targets), targets)

    def numerators(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return S, shape (n_strata,): additive over the parts of a batch, differentiable in the logits."""
        return self.sum_strata(self.losses(self.adjust(logits.float()), targets), targets)

    def objective(self, numerators: Tensor, denominators: Tensor) -> Tensor:
        """Return the loss of a step, ``sum_k q_k S_k / N_k``, leaving out empty strata.

        N is of the whole batch; S of the whole or of a part, which then gives that part's share of the loss.
        """
        there = denominators > 0
        means = numerators / torch.where(there, denominators, 1.0)
        return (self.coefficients * torch.where(there, means, 0.0)).sum()

    def observe(self, numerators: Tensor, denominators: Tensor) -> None:
        """Learn from the sums of a finished step, of the whole batch and without gradient."""

    @property
    def coefficients(self) -> Tensor:
        """Weight q of each stratum in the next step, shape (n_strata,)."""
        return torch.ones(self.n_strata, device=self.device)

    def strata(self, targets: Targets) -> Tensor:
        """Return the stratum of each image, shape (n,)."""
        return torch.zeros_like(targets.labels)

    def adjust(self, logits: Tensor) -> Tensor:
        """Return the logits that the loss sees (in float32); prediction uses the network's own."""
        return logits

    def losses(self, logits: Tensor, targets: Targets) -> Tensor:
        """Return the cross-entropy of each image in nats, ``-sum_c w_c t_c log p_c``, shape (n,)."""
        return -(logits.log_softmax(dim=1) * self.smoothed(targets)) @ self.class_weights

    def smoothed(self, targets: Targets) -> Tensor:
        """Return the targets with ``label_smoothing`` of their mass spread over all classes."""
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
        """Look at the network after ``step`` optimisation steps."""

    def tensors(self) -> dict[str, Tensor]:
        """Return the state that a checkpoint must hold, under names that start with the method's."""
        return {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what :meth:`tensors` returned."""

    def finish(self, network: Network, samples: Samples, runtime: Runtime) -> tuple[str, ...]:  # noqa: ARG002
        """Change the chosen network after training; return what was done in words, for ``run.json``.

        ``samples`` is the training split.
        """
        return ()
