"""The primary metric compared between groups, adjusted for the true class and further columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.columns import is_skin_type as holds_types
from dermbench.artifacts.report import LEVEL, Adjusted, AdjustedContrast, Cell, Disparity, Undefined, undefined
from dermbench.errors import UsageError
from dermbench.evaluation.adjustment.design import (
    MOST_POOLED,
    RARE,
    Covariate,
    as_covariate,
    no_overlap,
    numbers,
    pooled,
)
from dermbench.evaluation.adjustment.family import n_contrasts
from dermbench.evaluation.adjustment.standardise import Difference, difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.report import Contrast
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample

METHOD = "standardised from a logistic regression, sandwich variance by unit, limits simultaneous"
NOT_HELD_FIXED = ("image_id", "label", "path", "split", "sha256", *UNITS)
ZERO_ONE = "only a metric that is a mean of 0 and 1 over images is adjusted"


def read_covariates(truth: Truth, columns: Sequence[str], feature: str | None) -> list[Covariate]:
    """Return the columns to hold fixed.

    Parameters
    ----------
    truth
        The table.
    columns
        Names of the columns.
    feature
        The sensitive feature that is compared; it cannot be held fixed.

    Raises
    ------
    UsageError
        For missing columns, and for ids, the label or the feature; all are named at once. Also without a feature.
    """
    there = [str(name) for name in truth.table.columns if name not in NOT_HELD_FIXED]
    parts = set() if feature is None else {part.strip() for part in feature.split(",")}
    tones = any(holds_types(part) or part == "fst_band" for part in parts)
    problems = (
        ["no sensitive feature is evaluated, so there are no groups to compare"] if columns and not parts else []
    )
    for name in dict.fromkeys(columns):
        if name in NOT_HELD_FIXED:
            problems.append(f"{name} is an id or the label, which is held fixed anyway")
        elif name in parts or (tones and (holds_types(name) or name == "fst_band")):
            problems.append(f"{name} is what is compared ({feature})")
        elif name not in there:
            problems.append(f"the truth has no column {name!r}; it has {', '.join(there) or 'no other'}")
    if problems:
        raise UsageError(f"--adjust: {'; '.join(problems)}")
    return [as_covariate(truth.table[name]) for name in dict.fromkeys(columns)]


def adjusted(
    sample: Sample,
    grouping: Grouping,
    row: Disparity | Undefined,
    metric: Metric,
    covariates: Sequence[Covariate],
) -> Adjusted | Undefined:
    """Return differences of the primary metric: raw, adjusted for class, and adjusted for class and columns.

    Parameters
    ----------
    sample, grouping
        The images and their groups; images of unknown group are left out.
    row
        The primary row; its contrast is adjusted.
    metric
        The primary metric.
    covariates
        Columns to hold fixed besides the true class, one value per image.
    """
    scores = sample.image_scores(metric) if metric.is_mean else np.full(1, 0.5)
    if not np.isin(scores[np.isfinite(scores)], (0.0, 1.0)).all():
        return Undefined(reason=f"{ZERO_ONE}, {metric.title} is not")
    known = grouping.known()
    data = Images(scores, sample.stratum, sample.units, tuple(covariates), known)
    names = known.names
    if len(names) < 2:
        return Undefined(reason=f"fewer than two known groups of {grouping.feature}")
    made = []
    if isinstance(row, Disparity) and row.contrast is not None:
        made.append(data.contrast(row.contrast, LEVEL / n_contrasts(scores, known, sample.stratum)))
    if len(names) > 2:
        sides = [((name,), tuple(other for other in names if other != name)) for name in names]
        made += [data.record(first, second, "rest", LEVEL / len(names)) for first, second in sides]
    if not made:
        return Undefined(reason=row.reason if isinstance(row, Undefined) else "the primary row has no contrast")
    columns = tuple(covariate.name for covariate in covariates)
    levels = {one.name: len(np.unique(one.text)) for one in covariates if one.text is not None}
    return Adjusted(
        metric=metric.name, feature=grouping.feature, columns=columns, levels=levels, contrasts=tuple(made)
    )


@dataclass(frozen=True)
class Images:
    """Scores, classes, units and covariates of all images, and their groups."""

    scores: NDArray[np.float64]
    classes: NDArray[np.intp]
    units: NDArray[np.intp]
    covariates: tuple[Covariate, ...]
    grouping: Grouping

    def contrast(self, contrast: Contrast, level: float) -> AdjustedContrast:
        """Return the contrast of the primary row."""
        return self.record(contrast.first, contrast.second, "primary", level)

    def record(self, first: tuple[str, ...], second: tuple[str, ...], kind: str, level: float) -> AdjustedContrast:
        """Compare two sides; ``level`` is the two-sided error rate of the limits."""
        place = {name: g for g, name in enumerate(self.grouping.names)}
        on_first = np.isin(self.grouping.codes, [place[name] for name in first])
        used = (on_first | np.isin(self.grouping.codes, [place[name] for name in second])) & np.isfinite(
            self.scores
        )
        raw = self._cell(used, on_first, [], [], level)
        shared = used & np.isin(self.classes, self._shared(used, on_first))
        codes, _, n_rare = pooled(self.classes[shared])
        n = int(shared.sum())
        if not n:
            by_class = full = undefined("the two sides share no class", n=0)
        elif n_rare > MOST_POOLED * n:
            why = f"{n_rare:,} of {n:,} images are of classes with fewer than {RARE} images"
            by_class = full = undefined(why, n=n)
        else:
            by_class = self._cell(shared, on_first, [codes], [], level)
            full = self._full(shared, on_first, codes, level)
        return AdjustedContrast(
            first=first,
            second=second,
            kind="primary" if kind == "primary" else "rest",
            raw=raw,
            by_class=by_class,
            adjusted=full,
            n_one_sided=int(used.sum()) - n,
            n_rare=n_rare,
        )

    def _shared(self, used: NDArray[np.bool_], on_first: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the classes that occur on both sides."""
        return np.intersect1d(self.classes[used & on_first], self.classes[used & ~on_first])

    def _full(
        self, rows: NDArray[np.bool_], on_first: NDArray[np.bool_], codes: NDArray[np.intp], level: float
    ) -> Cell:
        taken = [covariate.take(rows) for covariate in self.covariates]
        apart = [why for covariate in taken if (why := no_overlap(covariate, on_first[rows])) is not None]
        if apart:
            return undefined("; ".join(apart), n=int(rows.sum()))
        texts = [pooled(covariate.text)[0] for covariate in taken if covariate.text is not None]
        values = [covariate.number for covariate in taken if covariate.number is not None]
        return self._cell(rows, on_first, [codes, *texts], values, level)

    def _cell(
        self,
        rows: NDArray[np.bool_],
        on_first: NDArray[np.bool_],
        categories: Sequence[NDArray[np.intp]],
        values: Sequence[NDArray[np.float64]],
        level: float,
    ) -> Cell:
        n = int(rows.sum())
        columns = numbers(values, n)
        found = difference(self.scores[rows], on_first[rows], self.units[rows], categories, columns, level=level)
        if isinstance(found, Difference):
            return Cell(value=found.value, low=found.low, high=found.high, n=n, method=METHOD)
        return undefined(found, n=n)
