"""Group distributionally robust optimisation: minimise the loss of the worst group."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field

from dermbench.training.methods.base import Method, MethodOptions, Targets, TrainingSplit

if TYPE_CHECKING:
    from torch import Tensor

    from dermbench.training.config.train_config import TrainConfig


class GroupDROOptions(MethodOptions):
    """Options of :class:`GroupDRO`.

    Groups (``dro_groups``) are the values of ``group_by``, or with ``class_group`` each class within each value;
    ``dro_step`` is the step size η of their weights.
    """

    dro_groups: Literal["group", "class_group"] = "group"
    dro_step: float = Field(0.01, gt=0, le=10)


class GroupDRO(Method):
    """Weigh groups by exponentiated gradient ascent on their losses.

    The loss of a step is ``sum_g q_g L_g``, with L_g the mean loss of group g in the batch; then
    ``q_g <- q_g exp(η L_g) / Z``. The publication updates q before the gradient of a batch; here it is updated
    after, so that batches can be computed in parts. Groups without images in a batch keep their weight up to
    normalisation. The authors find strong regularisation (weight decay, early stopping) decisive.
    """

    reference = "Sagawa et al. 2020, Distributionally robust neural networks for group shifts (ICLR)"
    needs_groups = True
    Options: ClassVar[type[MethodOptions]] = GroupDROOptions
    options: GroupDROOptions

    def __init__(
        self, config: TrainConfig, split: TrainingSplit, options: MethodOptions, device: torch.device
    ) -> None:
        super().__init__(config, split, options, device)
        self.by_class = self.options.dro_groups == "class_group"
        self.n_strata = len(split.group_names) * (split.n_classes if self.by_class else 1)
        there = torch.bincount(self.strata(self.targets(self.members)), minlength=self.n_strata) > 0
        self.q = there.float() / there.sum()

    @property
    def coefficients(self) -> Tensor:
        """Weight q of each group."""
        return self.q

    def strata(self, targets: Targets) -> Tensor:
        """Return the group of each image, or group times class."""
        if not self.by_class:
            return targets.groups
        return targets.groups * self.split.n_classes + targets.labels

    def observe(self, numerators: Tensor, denominators: Tensor) -> None:
        """Move the weights towards the groups with the largest losses."""
        super().observe(numerators, denominators)
        there = denominators > 0
        means = torch.where(there, numerators / torch.where(there, denominators, 1.0), 0.0)
        self.q = torch.softmax(self.q.log() + self.options.dro_step * means, dim=0)

    def tensors(self) -> dict[str, Tensor]:
        """Return q."""
        return {**super().tensors(), "group_dro.q": self.q}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore q."""
        super().load(tensors)
        self.q = tensors["group_dro.q"].to(self.device)
