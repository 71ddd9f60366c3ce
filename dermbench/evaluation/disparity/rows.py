"""The gaps of one feature as rows of the report: test, correction, limits and verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import (
    Contrast,
    Disparity,
    Incomparable,
    RawGap,
    Undefined,
    Verdict,
    verdict_kind,
)
from dermbench.artifacts.report.summary import OF_ONE_KIND
from dermbench.artifacts.skin import UNKNOWN
from dermbench.artifacts.wording import decimal, limit
from dermbench.artifacts.wording import p_value as shown_p
from dermbench.evaluation.core.groups import SMALL
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import GapTest, critical, p_value
from dermbench.evaluation.disparity.limits import Limits, gap_limits
from dermbench.evaluation.disparity.spread import between_group_sd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.report import Cell
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

    Rows = dict[str, Disparity | Undefined]


ONE_UNIT = "all images are of one independent unit"
SENSITIVITY = "sensitivity"


@dataclass(frozen=True)
class Questions:
    """The questions of one report about gaps.

    Attributes
    ----------
    primary
        Metric and feature of the primary question; None without a feature.
    margin
        Largest acceptable gap of the primary metric, stated before the results are known.
    n_features
        Number of features; secondary p-values are multiplied by it.
    """

    primary: tuple[str, str] | None
    margin: float | None
    n_features: int


def disparity_rows(
    sample: Sample,
    grouping: Grouping,
    metrics: Sequence[Metric],
    table: GroupTable,
    found: GroupEstimates,
    plan: Plan,
    questions: Questions,
    *,
    withheld: str | None = None,
) -> Rows:
    """Return the gap of every metric between the groups of a feature.

    Parameters
    ----------
    sample, grouping, metrics
        The images, their groups, and the metrics.
    table, found
        Values of the groups, and their estimates.
    plan
        Seed, number of permutations, workers.
    questions
        The primary question, its margin, and the number of features.
    withheld
        Why there is no verdict on the margin; None to allow one. With positive classes, a verdict on the margin of
        an average also needs a gap in sensitivity below the margin.
    """
    if sample.clustered and sample.n_units < 2:
        return {metric.name: Undefined(reason=ONE_UNIT) for metric in metrics}
    tests = gap_tests(sample, grouping, metrics, plan)
    largest = largest_statistics([t for t in tests.values() if isinstance(t, GapTest) and t.untested is None])
    names = grouping.known().names
    withheld = withheld or _sensitivity_beyond(tests, questions)
    made: Rows = {}
    for metric in metrics:
        test = tests[metric.name]
        if isinstance(test, str):
            made[metric.name] = Undefined(reason=test)
            continue
        primary = questions.primary == (metric.name, grouping.feature)
        family = _Family(test.permuted, 1) if primary else _Family(largest, questions.n_features)
        row = _Row(
            test,
            names,
            raw_gap(metric, table, ranked=not (grouping.intersection and min(table.sizes[: len(names)]) < SMALL)),
            _spread(metric, table, found, len(names)),
            "primary" if primary else "secondary",
            family,
        )
        made[metric.name] = row.record(questions.margin if primary else None, withheld)
    return made


def _sensitivity_beyond(tests: Mapping[str, GapTest | str], questions: Questions) -> str | None:
    """Say that the gap in sensitivity may exceed the margin stated for an average over classes."""
    test, margin = tests.get(SENSITIVITY), questions.margin
    if test is None or margin is None or questions.primary is None or questions.primary[0] in OF_ONE_KIND:
        return None
    if isinstance(test, str):
        return f"the gap in sensitivity is unknown ({test})"
    high = gap_limits(test, critical(test.permuted, features=1)).at_most
    if high is None:
        return "the gap in sensitivity has no upper limit"
    return f"the gap in sensitivity may be up to {decimal(high)}" if high >= margin else None


def largest_statistics(tests: Sequence[GapTest]) -> NDArray[np.float64]:
    """Return the largest statistic over several metrics in each permutation that all of them have."""
    if not tests:
        return np.empty(0)
    size = min(len(test.permuted) for test in tests)
    return np.asarray(np.max([test.permuted[:size] for test in tests], axis=0))


@dataclass(frozen=True)
class _Family:
    """Largest permuted statistics that a row is compared with, and the number of features to correct for."""

    permuted: NDArray[np.float64]
    features: int


@dataclass(frozen=True)
class _Row:
    """Inputs of one row of the report."""

    test: GapTest
    names: tuple[str, ...]
    raw: RawGap | str
    spread: Cell
    role: str
    family: _Family

    def record(self, margin: float | None, withheld: str | None) -> Disparity:
        """Return the row, with a verdict on the margin unless it is withheld."""
        test, untested = self.test, self.test.untested
        bound = critical(self.family.permuted, features=self.family.features)
        limits = gap_limits(test, bound)
        reasons: dict[str, str] = {}
        p = low = None
        if untested is None:
            strongest = float(test.statistics.max(initial=0.0))
            p = p_value(strongest, self.family.permuted, features=self.family.features)
            low = min(limits.at_least, test.gap)
        else:
            reasons = dict.fromkeys(("p_value", "low", "verdict"), untested)
        if limits.at_most is None:
            reasons["high"] = limits.no_upper or "no upper limit"
        if isinstance(self.raw, str):
            reasons["raw"] = self.raw
        said = None if p is None else verdict(p, low or 0.0, limits.at_most, margin, withheld)
        return Disparity(
            gap=test.gap,
            low=low,
            high=limits.at_most,
            chance=test.chance,
            p_value=p,
            role=self.role,
            overlap=test.family.overlap,
            not_comparable=tuple(self._apart(i, j) for i, j in test.family.not_comparable),
            n_classes=test.n_classes,
            n_groups=len(self.names),
            contrast=self._contrast(limits),
            raw=None if isinstance(self.raw, str) else self.raw,
            between_group_sd=self.spread,
            verdict=said,
            reasons=reasons,
            drawn=not test.metric.is_mean,
        )

    def _apart(self, first: int, second: int) -> Incomparable:
        return Incomparable(groups=(self.names[first], self.names[second]), reason="they share too few classes")

    def _contrast(self, limits: Limits) -> Contrast:
        first, second = self.test.family.sides[limits.contrast]
        bounded = np.isfinite(limits.low) and np.isfinite(limits.high)
        return Contrast(
            first=tuple(self.names[g] for g in first),
            second=tuple(self.names[g] for g in second),
            kind="pair" if limits.contrast < self.test.family.n_pairs else "cut",
            value=float(self.test.values[limits.contrast]),
            low=limits.low if bounded else None,
            high=limits.high if bounded else None,
        )


def verdict(
    p: float, low: float, high: float | None, margin: float | None = None, withheld: str | None = None
) -> Verdict:
    """Return the verdict of p-value and limits of a gap, and on a stated margin unless it is withheld."""
    judged = None if withheld is not None else margin
    kind = verdict_kind(p, low, high, judged)
    if kind == "disparity":
        text = f"a difference of at least {limit(low)}"
    elif kind == "within_margin":
        text = f"below the stated margin of {decimal(margin or 0.0)}"
    elif kind == "disparity_within_margin":
        text = f"a real difference, smaller than the stated margin of {decimal(margin or 0.0)}"
    elif p <= 0.05:
        text = f"p {shown_p(p)}, size not bounded"
    elif high is None:
        text = "not settled"
    else:
        text = f"not settled: the gap may be anywhere from 0 to {decimal(high)}"
    if withheld is not None and margin is not None:
        text += f"; nothing is said about the margin of {decimal(margin)}: {withheld}"
    return Verdict(kind=kind, margin=margin, text=text)


def raw_gap(metric: Metric, table: GroupTable, *, ranked: bool) -> RawGap | str:
    """Return the difference of the plain group values, or why there is none."""
    names = [name for name in table.grouping.names if name != UNKNOWN]
    values = np.array([table.value(group, metric) for group in range(len(names))])
    if not ranked:
        return f"not ranked: an intersection has fewer than {SMALL} images"
    lacking = [name for name, value in zip(names, values, strict=True) if not np.isfinite(value)]
    if lacking:
        return f"undefined in {', '.join(lacking)}"
    lowest, highest = int(np.argmin(values)), int(np.argmax(values))
    low, high = float(values[lowest]), float(values[highest])
    best, worst = (highest, lowest) if metric.higher_is_better else (lowest, highest)
    meaningful = metric.ratio and low >= 0 and high > 0
    return RawGap(
        difference=high - low,
        ratio=low / high if meaningful else None,
        best_group=names[best],
        worst_group=names[worst],
    )


def _spread(metric: Metric, table: GroupTable, found: GroupEstimates, n_groups: int) -> Cell:
    names = table.grouping.names[:n_groups]
    values = np.array([table.value(group, metric) for group in range(n_groups)])
    errors = np.array([found[name, metric.name].se for name in names])
    return between_group_sd(values, errors).cell()
