"""Deep feature reweighting: refit the last layer on held-out images with equal weight for every group."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from dermbench.training.config.seeding import numpy_generator
from dermbench.training.methods.base import Method, MethodOptions
from dermbench.training.network.features import compute_features
from dermbench.training.network.probe import fit_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.training.config.device import Runtime
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network


class DFROptions(MethodOptions):
    """Options of :class:`DFR`.

    ``dfr_share`` is the share of each class that is held out, by whole patients where known; ``dfr_l2`` is the
    strength of the L2 penalty, like ``probe_l2``.
    """

    dfr_share: float = Field(0.2, gt=0, lt=1)
    dfr_l2: float = Field(0.01, gt=0)


class DFR(Method):
    """Train on a part of the training split, then refit the last layer on the rest.

    The last layer becomes a logistic regression on the frozen features of the held-out images. Weights give every
    group within a class the same total. The publication instead averages ten fits on balanced subsets, which drop
    images when a cell has few. ``val`` and ``test`` are not used.
    """

    reference = "Kirichenko et al. 2023, Last layer re-training is sufficient for robustness (ICLR)"
    needs_groups = True
    Options: ClassVar[type[MethodOptions]] = DFROptions
    options: DFROptions

    @cached_property
    def held_out(self) -> NDArray[np.bool_]:
        """Whether each image of the training split is held out for the last layer."""
        rng = numpy_generator(self.config.seed, "dfr")
        labels, units = self.split.labels, self.split.units
        held = np.zeros(len(labels), dtype=bool)
        for label in np.unique(labels):
            of_class = labels == label
            wanted = round(self.options.dfr_share * of_class.sum())
            for unit in rng.permutation(np.unique(units[of_class & ~held])):
                if (of_class & held).sum() >= wanted:
                    break
                held |= units == unit
        return held

    @property
    def members(self) -> NDArray[np.int64]:
        """Indices of the images that are not held out."""
        return np.flatnonzero(~self.held_out)

    def finish(self, network: Network, samples: Samples, runtime: Runtime) -> tuple[str, ...]:
        """Refit the last layer."""
        done = super().finish(network, samples, runtime)
        rows = np.flatnonzero(self.held_out)
        cells = (self.split.labels * len(self.split.group_names) + self.split.groups)[rows]
        counts = np.bincount(cells)
        weights = len(rows) / (np.count_nonzero(counts) * counts[cells])
        features = compute_features(network, samples, self.config, runtime, index=rows)
        fit_head(network, features, self.split.labels[rows], weights, l2=self.options.dfr_l2)
        return (*done, f"dfr: last layer refitted on {len(rows)} held-out training images, class_group balanced")
