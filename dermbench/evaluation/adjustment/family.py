"""Number of contrasts among which a primary row selects the clearest; simultaneous limits cover all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.disparity.within_class import Adjustment, contrasts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping


def n_contrasts(scores: NDArray[np.float64], grouping: Grouping, classes: NDArray[np.intp]) -> int:
    """Return the number of comparable pairs and cuts.

    Parameters
    ----------
    scores
        Score of each image, NaN if it has none.
    grouping
        Groups that occur; unknown is -1.
    classes
        True class of each image.
    """
    enters = np.isfinite(scores) & (grouping.codes >= 0)
    counts = np.zeros((len(grouping.names), int(classes.max(initial=0)) + 1))
    np.add.at(counts, (grouping.codes[enters], classes[enters]), 1.0)
    return max(1, len(contrasts(Adjustment(counts), ordered=grouping.ordered).sides))
