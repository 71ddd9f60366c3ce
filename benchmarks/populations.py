"""Synthetic test sets with a known truth, for testing methods that compare groups of images.

Each population defines how test images are drawn: their group, true class and patient, and the answers of a
classifier. The difference between two groups with the true class held fixed is therefore known.

For groups g and h with recalls ``r_gc`` and ``r_hc`` in class c and expected numbers of images ``N_gc`` and
``N_hc``, the true difference is ``sum_c w_c (r_gc - r_hc) / sum_c w_c`` with ``w_c = N_gc N_hc / (N_gc + N_hc)``,
over the classes that both have. The true gap is the largest absolute difference over pairs that share a class. It
is computed only from recalls and expected numbers, not from simulated data. The recalls in the descriptions below
are exact: nothing is clipped, and a recall outside 0 to 1 is refused.

How to read a population:

``null``
    Given true classes and patients, predictions have the same distribution in all groups. A p-value must be
    calibrated, and the gap is 0 (None if no two groups share a class).
``"effect" in tags``
    The gap is above 0. Power can be measured; a lower limit above ``gap`` or an upper limit below it is an error.
neither
    Groups differ, but not in mean accuracy: the gap is 0. A lower limit above 0 is an error. A small p-value is an
    error only if it is that of accuracy and ``accuracy_null`` is true.

``pair_gaps`` holds the signed difference g minus h of each pair g < h that shares a class, for statements about
single pairs. ``loss_gap`` and ``log_gap`` are the same truth for the Brier score (sum over the classes of the
squared distance from the truth, 0 to 2) and the log loss; None without probabilities. Group sizes, and the images
of each patient, are the same in every draw. True classes and predictions are drawn anew, so the counts of a draw
differ from the expected ones. If an effect differs between classes, the truth at the counts of a draw differs
slightly from ``gap``; ``pair_differences(population.recall, counts)`` gives it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Pairs: TypeAlias = dict[tuple[int, int], float]
Patients: TypeAlias = list[tuple[int, ...]]

TYPES = ("I", "II", "III", "IV", "V", "VI")
SIZES = (238, 397, 243, 186, 83, 44)
HABIT = (1, 3, 1, 2, 6, 1, 2, 4, 1, 5)  # numbers of images of successive patients
UNKNOWN = -1
TINY = 12
ZERO = 1e-9  # values below are rounding errors of 0
_BELOW_ONE = float(np.nextafter(1.0, 0.0))
_ERF = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True, eq=False)
class Draw:
    """One test set; position i of each array is image i, in random order."""

    group: Ints
    y_true: Ints
    y_pred: Ints
    unit: Ints | None
    y_prob: Floats | None


@dataclass(frozen=True, eq=False)
class Population:
    """A distribution of test sets, and its truth; the module docstring explains the fields."""

    name: str
    what: str
    kind: str
    sizes: tuple[int, ...]
    names: tuple[str, ...]
    n_groups: int
    n_classes: int
    ordered: bool
    null: bool
    accuracy_null: bool  # whether right and wrong answers have the same distribution in all groups
    probabilities_null: bool | None  # the same for probabilities; None without any
    gap: float | None
    pair_gaps: Pairs
    loss_gap: float | None
    loss_pair_gaps: Pairs
    log_gap: float | None
    log_pair_gaps: Pairs
    tags: frozenset[str]
    recall: Floats = field(repr=False)  # groups by classes; nan where no image is expected
    expected: Floats = field(repr=False)  # expected number of images, groups by classes
    plan: Plan = field(repr=False)
    model: Model = field(repr=False)

    def draw(self, rng: np.random.Generator) -> Draw:
        """Draw one test set."""
        plan, model = self.plan, self.model
        y_true = plan.draw_classes(rng)
        rank = model.uniform(rng, plan, y_true)
        errors = model.errors[np.minimum(plan.stratum, len(model.errors) - 1), y_true]
        rival = _pick(np.cumsum(errors, axis=1), model.uniform(rng, plan, y_true))
        y_prob = None
        if model.answers is None:
            y_pred = np.where(rank < model.recall[plan.stratum, y_true], y_true, rival)
        else:
            answer = _pick(np.cumsum(model.answers[plan.stratum, y_true], axis=1), rank)
            y_prob = _probabilities(answer, y_true, rival, rng.random(len(rank)), self.n_classes)
            y_pred = y_prob.argmax(axis=1)
        order = rng.permutation(len(y_true))
        unit = rng.permutation(plan.unit.max() + 1)[plan.unit][order] if plan.clustered else None
        group = plan.groups[plan.stratum][order]
        return Draw(group, y_true[order], y_pred[order], unit, None if y_prob is None else y_prob[order])


@dataclass(frozen=True, eq=False)
class Plan:
    """Images of a population: the stratum and patient of each, and the distribution of true classes.

    A stratum is a part of a group with one distribution of classes and answers. Most groups have one stratum.
    """

    groups: Ints  # group code of each stratum
    stratum: Ints  # of each image
    unit: Ints  # patient of each image
    lead: Ints  # for each image, index of the first image of its patient
    first: Floats  # class shares of a patient's first image, strata by classes
    further: Floats  # class shares of further images
    sticky: float  # chance that a further image has the class of the first one instead
    clustered: bool
    classes: Ints | None = None  # true classes, where they are fixed

    @property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether an image is the first one of its patient."""
        return self.lead == np.arange(len(self.lead))

    def draw_classes(self, rng: np.random.Generator) -> Ints:
        """Draw the true class of each image."""
        if self.classes is not None:
            return self.classes
        first, further = np.cumsum(self.first, axis=1), np.cumsum(self.further, axis=1)
        n = len(self.stratum)
        tables = np.where(self.is_first[:, None], first[self.stratum], further[self.stratum])
        y_true = _pick(tables, rng.random(n))
        again = ~self.is_first & (rng.random(n) < self.sticky)
        return np.where(again, y_true[self.lead], y_true)

    def expected(self) -> Floats:
        """Return the expected number of images, strata by classes."""
        counts = np.zeros(self.first.shape)
        if self.classes is not None:
            np.add.at(counts, (self.stratum, self.classes), 1.0)
            return counts
        again = self.first[self.stratum[self.lead]]
        further = (1 - self.sticky) * self.further[self.stratum] + self.sticky * again
        np.add.at(counts, self.stratum, np.where(self.is_first[:, None], self.first[self.stratum], further))
        return counts


@dataclass(frozen=True, eq=False)
class Model:
    """Answers of a classifier: recalls, distribution of errors, and correlation within patients."""

    recall: Floats  # strata by classes
    errors: Floats  # distribution of wrong answers: strata (or 1, for all) by classes by classes
    load: Floats  # weight of the patient's effect, strata by classes; its square is the latent correlation
    per_class: bool  # whether a patient has a separate effect in each class
    answers: Floats | None  # shares of the rows of ANSWERS, strata by classes by answers

    def uniform(self, rng: np.random.Generator, plan: Plan, y_true: Ints) -> Floats:
        """Draw a uniform number from 0 to 1 for each image; those of a patient are correlated."""
        if not plan.clustered:
            return rng.random(len(y_true))
        load = self.load[plan.stratum, y_true]
        effects = rng.standard_normal((plan.unit.max() + 1, self.load.shape[1] if self.per_class else 1))
        shared = effects[plan.unit, y_true if self.per_class else 0]
        own = rng.standard_normal(len(y_true))
        latent = load * shared + np.sqrt(1 - load**2) * own
        return np.minimum(0.5 + 0.5 * _ERF(latent / math.sqrt(2)).astype(np.float64), _BELOW_ONE)


class Answer(NamedTuple):
    """A kind of answer: the true class gets low to high, a rival a share of the rest, others what remains."""

    low: float
    high: float
    rival: float
    right: bool


# From best to worst. Right and wrong are certain for nine classes or more: the intervals lie clear of a tie.
ANSWERS = (
    Answer(0.96, 0.99, 0.5, right=True),
    Answer(0.80, 0.90, 0.5, right=True),
    Answer(0.55, 0.70, 0.6, right=True),
    Answer(0.36, 0.44, 0.4, right=True),
    Answer(0.22, 0.28, 0.2, right=True),
    Answer(0.35, 0.42, 0.9, right=False),
    Answer(0.15, 0.25, 0.7, right=False),
    Answer(0.04, 0.08, 0.8, right=False),
    Answer(0.005, 0.015, 0.95, right=False),
    Answer(1e-6, 1e-5, 0.99, right=False),
)
RIGHT = np.array([float(a.right) for a in ANSWERS])


def pair_differences(values: Floats, counts: Floats) -> Pairs:
    """Return the within-class difference g minus h of each pair of groups g < h that share a class.

    Parameters
    ----------
    values
        Mean of the compared quantity, groups by classes; ignored where the count is 0.
    counts
        Number of images, groups by classes.
    """
    found: Pairs = {}
    for g, h in combinations(range(len(counts)), 2):
        shared = (counts[g] > 0) & (counts[h] > 0)
        if shared.any():
            n_g, n_h = counts[g, shared], counts[h, shared]
            weights = n_g * n_h / (n_g + n_h)
            value = float(weights @ (values[g, shared] - values[h, shared]) / weights.sum())
            found[g, h] = value if abs(value) > ZERO else 0.0
    return found


def shares_of(n_classes: int) -> Floats:
    """Return class shares proportional to 1, 1/2, 1/3, ..., with sum 1."""
    shares = 1 / np.arange(1, n_classes + 1)
    return shares / shares.sum()


def wave(n_classes: int) -> Floats:
    """Return a number from -1 to 1 for each class, unrelated to its rank; high numbers mean hard classes."""
    return np.cos(2.4 * np.arange(n_classes))


def mixes(n_classes: int, n_groups: int, tilt: float) -> Floats:
    """Return class shares of each group; with a positive tilt, later groups have more hard classes."""
    place = np.linspace(-0.5, 0.5, n_groups)
    return _scaled(shares_of(n_classes) * np.exp(tilt * np.outer(place, wave(n_classes))))


def recalls(n_classes: int, middle: float = 0.7, spread: float = 0.2) -> Floats:
    """Return the recall of each class, at most ``spread`` from ``middle``."""
    return middle - spread * wave(n_classes)


def errors_of(n_classes: int) -> Floats:
    """Return the distribution of wrong answers, true class by predicted class: other classes by their shares."""
    return _scaled(shares_of(n_classes)[None, :] * (1 - np.eye(n_classes)))


def _scaled(table: Floats) -> Floats:
    return table / table.sum(axis=-1, keepdims=True)


def _pick(tables: Floats, uniform: Floats) -> Ints:
    """Return for each row of cumulative shares the entry that a number from 0 to 1 falls into."""
    return (tables <= (uniform * tables[:, -1])[:, None]).sum(axis=1).clip(max=tables.shape[1] - 1)


def _probabilities(answer: Ints, y_true: Ints, rival: Ints, uniform: Floats, n_classes: int) -> Floats:
    low, high, share, _ = np.array(ANSWERS, dtype=np.float64).T[:, answer]
    sure = low + (high - low) * uniform
    rest = 1 - sure
    rows = np.arange(len(sure))
    y_prob = np.repeat((rest * (1 - share) / (n_classes - 2))[:, None], n_classes, axis=1)
    y_prob[rows, rival] = rest * share
    y_prob[rows, y_true] = sure
    return y_prob


def brier_of_answers(n_classes: int) -> Floats:
    """Return the expected Brier score of each kind of answer, in closed form."""
    low, high, share, _ = np.array(ANSWERS, dtype=np.float64).T
    square = ((1 - low) ** 3 - (1 - high) ** 3) / (3 * (high - low))  # mean of (1 - q)^2, q uniform
    return square * (1 + share**2 + (1 - share) ** 2 / (n_classes - 2))


def log_loss_of_answers() -> Floats:
    """Return the expected log loss of each kind of answer, in closed form."""
    low, high, _, _ = np.array(ANSWERS, dtype=np.float64).T
    return ((high - high * np.log(high)) - (low - low * np.log(low))) / (high - low)


def base_answers(recall: Floats) -> Floats:
    """Return shares of the kinds of answers, classes by answers, with the given recalls."""
    right = np.array([0.35, 0.25, 0.20, 0.12, 0.08, 0, 0, 0, 0, 0])
    wrong = np.array([0, 0, 0, 0, 0, 0.30, 0.30, 0.20, 0.15, 0.05])
    return recall[:, None] * right + (1 - recall[:, None]) * wrong


def extreme_answers(base: Floats, kept: Sequence[Floats], spread: Floats, *, widest: bool) -> Floats:
    """Return the shares of answers with the smallest or largest mean of ``spread`` and the means of ``base``.

    In each class, the mean of each array of ``kept`` and the share of right answers are those of ``base``. All
    corners of the set of such shares are compared, so the result is exact.
    """
    rows = np.vstack([np.ones(len(ANSWERS)), RIGHT, *kept])
    corners = np.array(list(combinations(range(len(ANSWERS)), len(rows))))
    systems = rows[:, corners].transpose(1, 0, 2)
    usable = np.abs(np.linalg.det(systems)) > ZERO
    corners, systems = corners[usable], systems[usable]
    found = np.zeros_like(base)
    for c, wanted in enumerate(base @ rows.T):
        weights = np.linalg.solve(systems, np.broadcast_to(wanted[:, None], (len(systems), len(rows), 1)))[..., 0]
        value = (weights * spread[corners]).sum(axis=1)
        value[(weights < 0).any(axis=1)] = -np.inf if widest else np.inf
        best = value.argmax() if widest else value.argmin()
        found[c, corners[best]] = weights[best]
    return found


def in_patients(sizes: Sequence[int], habit: Sequence[int] = HABIT) -> Patients:
    """Deal the images of each stratum to patients; their numbers of images repeat ``habit``."""
    found: Patients = []
    for s, size in enumerate(sizes):
        left, k = size, 0
        while left:
            m = min(habit[k % len(habit)], left)
            found.append((s,) * m)
            left, k = left - m, k + 1
    return found


def images(sizes: Sequence[int], mix: Floats, *, groups: Sequence[int] | None = None) -> Plan:
    """Plan images of independent patients."""
    people: Patients = [(s,) for s, size in enumerate(sizes) for _ in range(size)]
    return patients(people, mix, groups=groups, clustered=False)


def patients(
    people: Patients,
    first: Floats,
    further: Floats | None = None,
    *,
    sticky: float = 0.0,
    groups: Sequence[int] | None = None,
    clustered: bool = True,
) -> Plan:
    """Plan patients, each given by the tuple of the strata of its images."""
    further = first if further is None else further
    n = [len(p) for p in people]
    unit = np.repeat(np.arange(len(people)), n)
    lead = np.repeat(np.cumsum([0, *n[:-1]]), n)
    stratum = np.array(list(chain.from_iterable(people)), dtype=np.int64)
    codes = np.array(range(len(first)) if groups is None else groups, dtype=np.int64)
    return Plan(codes, stratum, unit, lead, first, further, sticky, clustered)


def table(counts: NDArray[np.int_]) -> Plan:
    """Plan independent images with fixed counts, groups by classes."""
    s, c = (np.repeat(np.indices(counts.shape)[axis].ravel(), counts.ravel()) for axis in (0, 1))
    even = np.full(counts.shape, 1 / counts.shape[1])
    every = np.arange(len(s))
    return Plan(np.arange(len(counts)), s, every, every, even, even, 0.0, clustered=False, classes=c)


def answering(
    recall: Floats,
    plan: Plan,
    *,
    correlation: float = 0.0,
    load: Floats | None = None,
    per_class: bool = False,
    errors: Floats | None = None,
) -> Model:
    """Return a classifier with these recalls: one row for all strata, or one row for each.

    ``correlation`` is that of the latent effects of two images of a patient; ``load`` gives its square root,
    possibly negative, for each stratum, class, or both.
    """
    shape = plan.first.shape
    errors = errors_of(shape[1]) if errors is None else errors
    wide = np.broadcast_to(math.sqrt(correlation) if load is None else load, shape)
    every = np.array(np.broadcast_to(recall, shape), dtype=np.float64)
    return Model(every, errors if errors.ndim == 3 else errors[None], wide, per_class, None)


def with_probabilities(answers: Floats, plan: Plan, *, correlation: float = 0.0) -> Model:
    """Return a classifier with probabilities and these shares of answers: (strata by) classes by answers."""
    every = np.array(np.broadcast_to(answers, (*plan.first.shape, len(ANSWERS))))
    plain = answering(every @ RIGHT, plan, correlation=correlation)
    return Model(plain.recall, plain.errors, plain.load, per_class=False, answers=every)


def _pooled(values: Floats, counts: Floats, groups: Ints, n_groups: int) -> tuple[Floats, Floats]:
    """Return mean values and counts of groups from those of their strata; NaN without images."""
    total = np.array([counts[groups == g].sum(axis=0) for g in range(n_groups)])
    weighted = np.array([(counts * values)[groups == g].sum(axis=0) for g in range(n_groups)])
    return np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0), total


def _alike(values: Floats) -> bool:
    """Return whether all groups with a class have the same value in it."""
    known = [column[~np.isnan(column)] for column in values.T]
    return all(np.ptp(column) < ZERO for column in known if len(column))


def _largest(pairs: Pairs) -> float | None:
    return max((abs(d) for d in pairs.values()), default=None)


def population(
    kind: str, name: str, what: str, plan: Plan, model: Model, *, null: bool, ordered: bool = True
) -> Population:
    """Make a population and compute its truth."""
    n_groups, n_classes = int(plan.groups.max()) + 1, plan.first.shape[1]
    if model.recall.min() < 0 or model.recall.max() > 1 or np.abs(model.load).max() > 1:
        raise ValueError(f"{name}: a recall or a correlation is out of range")
    counts = plan.expected()
    recall, expected = _pooled(model.recall, counts, plan.groups, n_groups)
    if null and not _alike(recall):
        raise ValueError(f"{name} is no null: recalls differ between groups")
    pairs = pair_differences(recall, expected)
    gap = _largest(pairs)
    brier: Pairs = {}
    logs: Pairs = {}
    same_law: bool | None = None
    if model.answers is not None:
        brier, logs = (
            pair_differences(_pooled(model.answers @ loss, counts, plan.groups, n_groups)[0], expected)
            for loss in (brier_of_answers(n_classes), log_loss_of_answers())
        )
        known = model.answers[plan.groups != UNKNOWN]
        same_law = bool(np.ptp(known, axis=0).max() < ZERO)
    sizes = tuple(round(n) for n in expected.sum(axis=1).tolist())
    codes = plan.groups[plan.stratum]
    mixed = len(set(zip(plan.unit.tolist(), codes.tolist(), strict=True))) > len(set(plan.unit.tolist()))
    seen = recall[~np.isnan(recall)]
    tags = {
        "null": null,
        "effect": bool(gap),
        "clustered": plan.clustered,
        "probabilities": model.answers is not None,
        "tiny": min(n for n in sizes if n) <= TINY,
        "constant": bool(np.isin(seen, (0.0, 1.0)).all()),  # a class is always right or always wrong
        "mixed-units": mixed,
    }
    if not ordered:
        names = tuple(f"site {g + 1}" for g in range(n_groups))
    else:
        names = TYPES[:n_groups] if n_groups > 3 else tuple("ABC"[:n_groups])
    return Population(
        name=name,
        what=what,
        kind=kind,
        sizes=sizes,
        names=names,
        n_groups=n_groups,
        n_classes=n_classes,
        ordered=ordered,
        null=null,
        accuracy_null=null or (_alike(recall) and bool(np.ptp(model.load, axis=0).max() < ZERO)),
        probabilities_null=same_law,
        gap=gap,
        pair_gaps=pairs,
        loss_gap=_largest(brier),
        loss_pair_gaps=brier,
        log_gap=_largest(logs),
        log_pair_gaps=logs,
        tags=frozenset(tag for tag, given in tags.items() if given),
        recall=recall,
        expected=expected,
        plan=plan,
        model=model,
    )


def _shifted(recall: Floats, *shifts: float) -> Floats:
    """Return recalls by group, shifted by a constant for each group."""
    return recall[None, :] + np.array(shifts)[:, None]


def _nulls() -> Iterator[Population]:
    """Yield populations of independent images whose groups differ only in their class mixes."""

    def null(name: str, what: str, plan: Plan, recall: Floats, *, ordered: bool = True) -> Population:
        return population("null", name, what, plan, answering(recall, plan), null=True, ordered=ordered)

    usual = images(SIZES, mixes(21, 6, 1))
    yield null("null_mild", "Six skin types, 21 classes, mixes that differ mildly.", usual, recalls(21))
    plan = images(SIZES, mixes(21, 6, 4))
    yield null("null_strong", "Six skin types whose class mixes differ strongly.", plan, recalls(21))
    plan = images(SIZES, mixes(21, 6, 6))
    what = "Dark types have mostly hard classes: plain accuracy falls steeply, within the classes nothing differs."
    yield null("null_simpson", what, plan, recalls(21, 0.55, 0.4))
    for n_classes in (9, 114, 3):
        plan = images(SIZES, mixes(n_classes, 6, 2))
        yield null(f"null_{n_classes}_classes", f"Six skin types, {n_classes} classes.", plan, recalls(n_classes))
    plan = images((300, 200), mixes(21, 2, 2))
    yield null("null_two_groups", "Two groups of 300 and 200 images.", plan, recalls(21))
    plan = images((60, 40), mixes(9, 2, 2))
    yield null("null_60_40", "Two groups of 60 and 40 images, nine classes.", plan, recalls(9))
    plan = images((300, 60, 12, 8, 5), mixes(21, 5, 2))
    yield null("null_tiny_groups", "Five groups of 300, 60, 12, 8 and 5 images.", plan, recalls(21))
    plan = images((12, 12, 12), mixes(5, 3, 2))
    yield null("null_three_of_12", "Three groups of 12 images, five classes.", plan, recalls(5))
    for small in (8, 12, 44):
        plan = images((400, small), mixes(9, 2, 1))
        what = f"Accuracy about .975 in 400 and {small} images: the small group often has no error."
        yield null(f"null_high_400_{small}", what, plan, recalls(9, 0.975, 0.01))
    yield null("null_low", "Accuracy .02 in every class.", usual, np.full(21, 0.02))
    plan = images(SIZES, mixes(21, 6, 2))
    yield null("null_uneven_recall", "Recall from .05 to .99 between classes.", plan, recalls(21, 0.52, 0.47))
    recall = np.where(np.arange(9) == 0, 0.5, 1.0)
    plan = images(SIZES, mixes(9, 6, 5))
    what = "Every class is always right but one, and that one is common in the dark types only."
    yield null("null_one_hard_class", what, plan, recall)
    plan = images((3000, 3000), mixes(21, 2, 4))
    yield null("null_large", "3000 images in each of two groups, strongly different mixes.", plan, recalls(21))
    plan = images((40,) * 12, mixes(9, 12, 2))
    yield null("null_12_sites", "Twelve unordered groups of 40 images.", plan, recalls(9), ordered=False)
    plan = images((10,) * 30, mixes(5, 30, 2))
    what = "Thirty unordered groups of 10 images: 435 pairs."
    yield null("null_30_sites", what, plan, recalls(5), ordered=False)


def _constants() -> Iterator[Population]:
    """Yield populations of classifiers that are untrained, perfect, or always predict the same class."""
    usual = images(SIZES, mixes(21, 6, 3))
    people = in_patients(SIZES)
    same = mixes(21, 6, 0)
    shifting = patients(people, same, mixes(21, 6, 4))

    def always(k: int) -> tuple[Floats, Floats]:
        says = np.eye(21)[k]
        return says, np.broadcast_to(says, (21, 21))

    def constant(name: str, what: str, plan: Plan, recall: Floats, errors: Floats | None = None) -> Population:
        model = answering(recall, plan, errors=errors, correlation=0.4 if plan.clustered else 0.0)
        return population("constant", name, what, plan, model, null=True)

    yield constant("constant_frequent", "Always the most frequent class.", usual, *always(0))
    yield constant("constant_rare", "Always a rare class.", usual, *always(17))
    what = "Always the most frequent class; further lesions of dark patients are of other classes."
    yield constant("constant_frequent_clustered", what, shifting, *always(0))
    what = "Always a rare class; further lesions of dark patients are of other classes."
    yield constant("constant_rare_clustered", what, shifting, *always(17))
    plan = images((400, 8), mixes(21, 2, 3))
    yield constant("constant_tiny", "Always the most frequent class, 400 and 8 images.", plan, *always(0))
    blind = shares_of(21)
    what = "Predicts at random by the class shares, without a look at the image."
    yield constant("input_blind", what, usual, blind)
    recall = 0.98 * np.eye(21)[0] + 0.02 * blind
    errors = _scaled((0.98 * np.eye(21)[0] + 0.02 * blind)[None, :] * (1 - np.eye(21)))
    what = "98 % the most frequent class, else at random: a rare class is right once in a blue moon."
    yield constant("nearly_constant", what, usual, recall, errors)
    moved = np.roll(np.eye(21), 1, axis=1)
    what = "The truth under other names: each class is called the next."
    yield constant("relabelled", what, usual, np.zeros(21), moved)
    half = np.arange(21) % 2 == 0
    swapped = np.eye(21)[np.where(half, np.arange(21), np.roll(np.arange(21), 2))]
    what = "Every second class is always right, the others are always called another."
    yield constant("half_relabelled", what, usual, half.astype(float), swapped)
    yield constant("perfect", "Never an error.", usual, np.ones(21))
    yield constant("perfect_clustered", "Never an error, several images of a patient.", shifting, np.ones(21))
    yield constant("always_wrong", "Never right, with a different error each time.", usual, np.zeros(21))
    per_group = np.repeat(np.eye(21)[[0]], 6, axis=0)
    per_group[5] = np.eye(21)[1]
    errors = np.repeat(per_group[:, None, :], 21, axis=1)
    model = answering(per_group, usual, errors=errors)
    what = "Always the most frequent class in I-V, always the second in VI: blind, but not alike in all groups."
    yield population("constant", "constant_by_group", what, usual, model, null=False)
    plan = images((100, 10), mixes(5, 2, 1))
    model = answering(np.array([np.ones(5), np.zeros(5)]), plan)
    what = "Always right in 100 images of one group, never in 10 of the other."
    yield population("constant", "right_against_wrong", what, plan, model, null=False)


def _clustered() -> Iterator[Population]:
    """Yield populations without an effect in which patients have several images."""
    people = in_patients(SIZES)
    same, mild, strong = (mixes(21, 6, tilt) for tilt in (0, 1, 4))
    some = recalls(21)

    def null(name: str, what: str, plan: Plan, correlation: float = 0.4, *, recall: Floats = some) -> Population:
        model = answering(recall, plan, correlation=correlation)
        return population("clustered", name, what, plan, model, null=True)

    yield null("clustered", "One to six images of a patient, latent correlation .4.", patients(people, mild))
    what = "Most further lesions of a patient have the class of the first; mixes differ strongly."
    yield null("clustered_same_class", what, patients(people, strong, sticky=0.8))
    what = "The class of further lesions shifts gradually with skin type, that of the first does not."
    yield null("further_gradual", what, patients(people, same, mixes(21, 6, 2)))
    what = "The class of further lesions shifts strongly with skin type, that of the first does not."
    yield null("further_strong", what, patients(people, same, mixes(21, 6, 6)))
    what = "Further lesions of V-VI are mostly of hard classes, patients have much in common."
    further = np.where(np.arange(6)[:, None] >= 4, mixes(21, 3, 12)[2], same)
    yield null("further_dark_only", what, patients(people, same, further), 0.8, recall=recalls(21, 0.55, 0.4))
    dark = in_patients(SIZES[:4], (1, 1, 2)) + in_patients((0, 0, 0, 0, *SIZES[4:]), (8, 10))
    what = "One or two images of a patient in I-IV, eight or ten in V-VI."
    yield null("many_images_dark", what, patients(dark, mild))
    yield null("many_images_dark_strong", what[:-1] + ", correlation .8.", patients(dark, mild), 0.8)
    model = answering(some, patients(people, mild), correlation=0.6, per_class=True)
    what = "A patient's effect is another one in each class."
    yield population("clustered", "effect_per_class", what, patients(people, mild), model, null=True)
    load = 0.9 * np.sign(wave(21))
    model = answering(some, patients(people, strong), load=load)
    what = "Who is easy in one half of the classes is hard in the other; mixes differ strongly."
    yield population("clustered", "effect_turns_with_class", what, patients(people, strong), model, null=True)
    giant = [*in_patients((238, 397, 243, 36, 83, 44)), (3,) * 150]
    yield null("giant_patient", "One patient has 150 of the 186 images of IV.", patients(giant, mild))
    trio = [*in_patients(SIZES[:5]), (5,) * 20, (5,) * 14, (5,) * 10]
    yield null("three_patients_dark", "All 44 images of VI are of three patients.", patients(trio, mild))
    one = [*in_patients(SIZES[:5]), (5,) * 44]
    yield null("one_patient_dark", "All 44 images of VI are of one patient.", patients(one, mild))
    few = in_patients((60,) * 6, (12,))
    what = "Five patients of 12 images in each group."
    yield null("five_patients_each", what, patients(few, mixes(9, 6, 1)), recall=recalls(9))
    copies = in_patients((240, 400, 240, 184, 84, 44), (4,))
    what = "Each image is there four times, with the same answer."
    yield null("copies", what, patients(copies, mild, sticky=1.0), 1.0)
    what = "Accuracy about .975 in several images of a patient, 400 and 12 images."
    plan = patients(in_patients((400, 12), (4, 2, 1)), mixes(9, 2, 1))
    yield null("clustered_high_400_12", what, plan, 0.6, recall=recalls(9, 0.975, 0.01))


def _clustered_kinds() -> Iterator[Population]:
    """Yield populations with different kinds of patients, but no difference in mean accuracy."""
    same, mild = mixes(21, 6, 0), mixes(21, 6, 1)
    some = recalls(21)
    sizes = np.array([20, 33, 20, 15, 7, 4])
    groups = np.repeat(np.arange(6), 2).tolist()
    people = in_patients((np.array([3, 8]) * sizes[:, None]).ravel().tolist(), (8,))
    people = [(p[0],) if p[0] % 2 == 0 else p for p in people for _ in range(len(p) if p[0] % 2 == 0 else 1)]
    plan = patients(people, np.repeat(mild, 2, axis=0), groups=groups)
    by_size = np.array([some + 0.05, some - 0.3])
    alike = patients(people, np.repeat(same, 2, axis=0), groups=groups)
    model = answering(np.tile(by_size, (6, 1)), plan, correlation=0.4)
    what = "Patients with eight images are harder than those with one; there are as many of both in all groups."
    yield population("clustered", "informative_size", what, plan, model, null=True)
    kinds = np.array([mixes(21, 2, -3)[1], mixes(21, 2, 3)[1]])
    plan = patients(people, np.tile(kinds, (6, 1)), groups=groups)
    model = answering(np.tile(np.array([some + 0.1, some - 0.3]), (6, 1)), plan, correlation=0.4)
    what = "Hard patients have many images and other classes; all groups have the same share of them."
    yield population("clustered", "hard_patients", what, plan, model, null=True)
    load = np.where(np.arange(12)[:, None] < 8, 0.0, math.sqrt(0.8))
    model = answering(some, alike, load=load)
    what = "Images of a patient have much in common in V-VI only; accuracy is the same, but groups are not alike."
    yield population("clustered", "dark_correlated", what, alike, model, null=False)


def _mixed() -> Iterator[Population]:
    """Yield populations in which a patient has images in several groups."""
    rng = np.random.default_rng(20240501)
    people = [tuple(rng.choice(4, size=m, p=(0.4, 0.3, 0.2, 0.1)).tolist()) for m in np.resize(HABIT, 200)]
    mix, some = mixes(9, 4, 3), recalls(9)
    plan = patients(people, mix)

    def mixed(
        name: str, what: str, plan: Plan, model: Model, *, null: bool = True, ordered: bool = False
    ) -> Population:
        return population("mixed", name, what, plan, model, null=null, ordered=ordered)

    what = "The body site is the group: patients have images in several, and the mix depends on the site."
    yield mixed("sites", what, plan, answering(some, plan, correlation=0.4))
    what = "Sites as groups, a patient's effect is another one in each class."
    yield mixed("sites_effect_per_class", what, plan, answering(some, plan, correlation=0.7, per_class=True))
    what = "Sites as groups; 30 of the images of the rarest site are of one patient."
    odd = patients([*people, (3,) * 30 + (0,) * 5], mix)
    yield mixed("sites_giant", what, odd, answering(some, odd, correlation=0.6))
    recall = _shifted(some, 0, 0, 0, -0.2)
    worse = answering(recall, plan, correlation=0.4)
    yield mixed("sites_effect", "Sites as groups, the last -.20.", plan, worse, null=False)
    pairs = patients([(0, 1)] * 120, mixes(9, 2, 0), sticky=1.0)
    what = "Each lesion is in both groups once, with nearly the same answer."
    yield mixed("pairs_alike", what, pairs, answering(some, pairs, correlation=0.9))
    load = 0.95 * np.array([[1.0], [-1.0]])
    what = "Each lesion is in both groups once; where one answer is right the other tends to be wrong."
    yield mixed("pairs_opposed", what, pairs, answering(some, pairs, load=load))
    what = "Each lesion is in both groups once, the second -.10."
    recall = _shifted(some, 0, -0.1)
    yield mixed("pairs_effect", what, pairs, answering(recall, pairs, correlation=0.9), null=False)
    what = "Half of all patients have some images in the next darker type, as if typed twice."
    twice: Patients = []
    for k, p in enumerate(in_patients(SIZES)):
        twice.append(tuple(min(s + (k % 2) * (i % 2), 5) for i, s in enumerate(p)))
    plan = patients(twice, mixes(21, 6, 2))
    yield mixed("typed_twice", what, plan, answering(recalls(21), plan, correlation=0.6), ordered=True)


def _probabilistic() -> Iterator[Population]:
    """Yield populations with probabilities, some with equal mean losses and different spreads."""
    some = recalls(9)
    base = base_answers(some)
    brier, logs = brier_of_answers(9), log_loss_of_answers()
    mix = mixes(9, 6, 2)
    usual = images(SIZES, mix)
    people = patients(in_patients(SIZES), mix)

    def given(
        name: str, what: str, plan: Plan, answers: Floats, *, correlation: float = 0.0, null: bool = True
    ) -> Population:
        model = with_probabilities(answers, plan, correlation=correlation)
        return population("probabilities", name, what, plan, model, null=null)

    def last(others: Floats, small: Floats, n_groups: int) -> Floats:
        return np.array([others] * (n_groups - 1) + [small])

    yield given("probabilities", "Probabilities come about alike in all groups.", usual, base)
    plan = images((400, 8), mixes(9, 2, 2))
    yield given("probabilities_400_8", "Probabilities come about alike in 400 and 8 images.", plan, base)
    plan = images((300, 60, 12, 8, 5), mixes(9, 5, 2))
    yield given("probabilities_tiny", "Probabilities come about alike in groups of 300 to 5.", plan, base)
    what = "Probabilities come about alike in all groups, several images of a patient."
    yield given("probabilities_clustered", what, people, base, correlation=0.4)
    high = base_answers(recalls(9, 0.975, 0.01))
    plan = images((400, 12), mixes(9, 2, 1))
    what = "Probabilities come about alike at accuracy .975, 400 and 12 images."
    yield given("probabilities_high", what, plan, high)

    laws = {
        "brier": [extreme_answers(base, [brier], brier**2, widest=w) for w in (False, True)],
        "log": [extreme_answers(base, [logs], logs**2, widest=w) for w in (False, True)],
        "losses": [extreme_answers(base, [brier, logs], logs**2, widest=w) for w in (False, True)],
    }
    called = {"brier": "Brier score", "log": "log loss", "losses": "Brier score and log loss"}
    for key, (narrow, wide) in laws.items():
        for others, small, word in ((narrow, wide, "wide"), (wide, narrow, "narrow")):
            spread = {"wide": "widest", "narrow": "narrowest"}[word]
            what = f"The same mean {called[key]} and accuracy in all groups, but VI has the {spread} spread."
            yield given(f"{key}_{word}_44", what, usual, last(others, small, 6))
        for n in (12, 5):
            plan = images((400, n), mixes(9, 2, 1))
            what = f"The same mean {called[key]} and accuracy in 400 and {n} images, but the few spread widest."
            yield given(f"{key}_wide_{n}", what, plan, last(narrow, wide, 2))
    narrow, wide = laws["log"]
    rare = 0.9 * narrow + 0.1 * wide
    what = "The same mean log loss and accuracy in all groups, but 1 % of the losses in VI are catastrophic."
    yield given("log_rare_44", what, usual, last(narrow, rare, 6))
    plan = images((400, 12), mixes(9, 2, 1))
    what = "The same mean log loss and accuracy in 400 and 12 images, but 1 % of the losses of the few are huge."
    yield given("log_rare_12", what, plan, last(narrow, rare, 2))
    what = "The same mean log loss and accuracy in 400 and 12 images, but only the many have catastrophic losses."
    yield given("log_narrow_12", what, plan, last(wide, narrow, 2))
    narrow, wide = laws["losses"]
    what = "The same mean losses and accuracy, but a wider spread in VI, several images of a patient."
    yield given("losses_wide_clustered", what, people, last(narrow, wide, 6), correlation=0.4)
    sure = base.copy()
    sure[:, 0] = base[:, :5].sum(axis=1)
    sure[:, 1:5] = 0
    sure[:, 8] = base[:, 5:].sum(axis=1)
    sure[:, 5:8] = sure[:, 9] = 0
    what = "VI is right as often but always sure of itself: losses differ, predictions do not."
    yield given("overconfident_dark", what, usual, last(base, sure, 6))
    what = "Probabilities, recall in VI -.20."
    yield given("probabilities_effect", what, usual, last(base, base_answers(some - 0.2), 6), null=False)


def _effect(
    name: str, what: str, plan: Plan, recall: Floats, *, correlation: float = 0.0, ordered: bool = True
) -> Population:
    """Return a population with recalls that differ between groups."""
    model = answering(recall, plan, correlation=correlation)
    kind = "clustered effect" if plan.clustered else "effect"
    return population(kind, name, what, plan, model, null=False, ordered=ordered)


def _effects() -> Iterator[Population]:
    """Yield populations whose groups differ within the classes."""
    usual = images(SIZES, mixes(21, 6, 1))
    some = recalls(21)

    yield _effect("VI_25", "VI -.25 in every class.", usual, _shifted(some, 0, 0, 0, 0, 0, -0.25))
    yield _effect("VI_15", "VI -.15 in every class.", usual, _shifted(some, 0, 0, 0, 0, 0, -0.15))
    yield _effect("V_VI_15", "V and VI -.15 in every class.", usual, _shifted(some, 0, 0, 0, 0, -0.15, -0.15))
    trend = (-0.15 * np.arange(6) / 5).tolist()
    yield _effect("trend_15", "Recall falls evenly from I to VI by .15.", usual, _shifted(some, *trend))
    swap = _shifted(recalls(21, 0.65), 0, 0, 0, 0, 0.125, -0.125)
    yield _effect("swap_V_VI", "V +.125, VI -.125: a gap of .25 between neighbours.", usual, swap)
    yield _effect("II_8", "II, the largest group, -.08.", usual, _shifted(some, 0, -0.08, 0, 0, 0, 0))
    better = _shifted(recalls(21, 0.6), 0, 0, 0, 0, 0, 0.2)
    yield _effect("VI_better", "VI, the smallest group, +.20.", usual, better)
    zigzag = _shifted(some, 0.06, -0.06, 0.06, -0.06, 0.06, -0.06)
    yield _effect("zigzag", "Every group .06 up or down in turn.", usual, zigzag)


def _uneven_effects() -> Iterator[Population]:
    """Yield populations whose groups differ only in some classes, or in different directions."""
    usual = images(SIZES, mixes(21, 6, 1))
    some = recalls(21)
    dark = np.arange(6)[:, None] >= 4
    pinned = mixes(21, 6, 1)
    pinned[:, 3] = 0
    pinned = 0.92 * _scaled(pinned)
    pinned[:, 3] = 0.08
    plan = images(SIZES, pinned)
    recall = np.tile(some, (6, 1))
    recall[:, 3] = np.where(dark[:, 0], 0.55, 0.90)
    yield _effect("one_class", "In one class, 8 % of the images, recall .90 but .55 in V-VI.", plan, recall)
    recall = np.tile(some, (6, 1))
    recall[:, 17] = np.where(dark[:, 0], 0.30, 0.90)
    yield _effect("one_rare_class", "In one rare class, recall .90 but .30 in V-VI.", usual, recall)
    plan = images(SIZES, np.where(dark, mixes(21, 3, 6)[2], mixes(21, 6, 0)))
    recall = np.where(dark & (wave(21) > 0.5), some - 0.25, some)
    what = "V-VI -.25 in the hard classes alone, which are common there and less so elsewhere."
    yield _effect("common_dark_classes", what, plan, recall)
    recall = np.where(dark & (wave(21) <= 0.5), some - 0.25, some)
    what = "V-VI -.25 in the classes alone that are rare there: V-VI hardly show what the others would suffer."
    yield _effect("rare_dark_classes", what, plan, recall)
    plan = images(SIZES, mixes(21, 6, -5))
    what = "VI -.10, but dark types have easier classes: plain accuracy is highest where the classifier is worst."
    yield _effect("hidden_VI_10", what, plan, _shifted(some, 0, 0, 0, 0, 0, -0.1))

    two = np.tile(_scaled(np.array([4, 4, 2, 2, 1, 1, 1, 0.5, 0.5])), (2, 1))
    even = recalls(9)
    turned = np.tile(even, (2, 1))
    turned[:, :2] = [[0.8, 0.5], [0.6, 0.7]]
    plan = images((200, 100), two)
    what = "Two equally common classes, -.20 in one and +.20 in the other: the average gap is 0."
    yield _effect("averages_out", what, plan, turned)
    recall = np.tile(some, (6, 1))
    recall[:, :2] = 0.6
    recall[5, :2] = 0.3, 0.9
    what = "VI -.30 in the most frequent class and +.30 in the next, in unlike mixes: a small gap is left."
    yield _effect("nearly_averages_out", what, usual, recall)
    half = np.full((2, 2), 0.5)
    what = "Recall .75 in both classes of 300 images, 1 and .5 in those of 12: the average is the same."
    yield _effect("averages_out_12", what, images((300, 12), half), np.array([[0.75, 0.75], [1.0, 0.5]]))
    what = "Recall 1 and .5 in the classes of 300 images, .75 in both of 12: the average is the same."
    yield _effect("averages_out_12_turned", what, images((300, 12), half), np.array([[1.0, 0.5], [0.75, 0.75]]))
    even_groups = images(SIZES, mixes(9, 6, 2))
    errors = np.tile(errors_of(9), (6, 1, 1))
    errors[4:] = _scaled(errors[4:, :, ::-1] * (1 - np.eye(9)) + 1e-3 * (1 - np.eye(9)))
    model = answering(even, even_groups, errors=errors)
    what = "As often right in all groups, but wrong answers are other classes in V-VI."
    yield population("effect", "other_errors", what, even_groups, model, null=False)


def _extreme_effects() -> Iterator[Population]:
    """Yield populations with an effect near accuracy 0 or 1, or with few or many images, classes or groups."""
    even = recalls(9)
    high = recalls(9, 0.97, 0.01)
    plan = images((400, 12), mixes(9, 2, 1))
    yield _effect("high_400_12_20", "400 images at .97, 12 at .77.", plan, _shifted(high, 0, -0.2))
    what = "400 images without an error, 12 at .75."
    yield _effect("perfect_400_12_25", what, plan, _shifted(np.ones(9), 0, -0.25))
    yield _effect("low_400_12_25", "400 images never right, 12 at .25.", plan, _shifted(np.zeros(9), 0, 0.25))
    plan = images(SIZES, mixes(9, 6, 1))
    yield _effect("high_VI_10", "Accuracy .97, VI .87.", plan, _shifted(high, 0, 0, 0, 0, 0, -0.1))
    plan = images((60, 40), mixes(9, 2, 2))
    yield _effect("60_40_20", "Two groups of 60 and 40 images, the second -.20.", plan, _shifted(even, 0, -0.2))
    plan = images((300, 60, 12, 8, 5), mixes(9, 5, 2))
    what = "Groups of 300 to 5 images, the one of 5 images -.30."
    yield _effect("tiny_groups_30", what, plan, _shifted(even, 0, 0, 0, 0, -0.3))
    plan = images(SIZES, mixes(114, 6, 2))
    what = "114 classes, most of them with few images in VI, VI -.25."
    yield _effect("114_classes_VI_25", what, plan, _shifted(recalls(114), 0, 0, 0, 0, 0, -0.25))
    plan = images((3000, 3000), mixes(21, 2, 3))
    what = "3000 images in each of two groups, the second -.03."
    yield _effect("large_3", what, plan, _shifted(recalls(21), 0, -0.03))
    plan = images((40,) * 12, mixes(9, 12, 2))
    recall = _shifted(even, *[-0.25 if g == 7 else 0.0 for g in range(12)])
    yield _effect("12_sites_25", "Twelve unordered groups of 40 images, one -.25.", plan, recall, ordered=False)


def _clustered_effects() -> Iterator[Population]:
    """Yield populations whose groups differ within the classes and whose patients have several images."""
    people = in_patients(SIZES)
    same, mild = mixes(21, 6, 0), mixes(21, 6, 1)
    some = recalls(21)

    six = _shifted(some, 0, 0, 0, 0, 0, -0.25)
    what = "One to six images of a patient, VI -.25."
    yield _effect("clustered_VI_25", what, patients(people, mild), six, correlation=0.4)
    both = _shifted(some, 0, 0, 0, 0, -0.15, -0.15)
    what = "V and VI -.15; the class of further lesions shifts gradually with skin type."
    yield _effect("further_V_VI_15", what, patients(people, same, mixes(21, 6, 2)), both, correlation=0.4)
    what = "V and VI -.15; the class of further lesions shifts strongly to easier ones."
    yield _effect("further_hidden_15", what, patients(people, same, mixes(21, 6, -6)), both, correlation=0.4)
    trio = [*in_patients(SIZES[:5]), (5,) * 20, (5,) * 14, (5,) * 10]
    what = "VI -.25, its images are of three patients."
    yield _effect("three_patients_VI_25", what, patients(trio, mild), six, correlation=0.4)
    dark = in_patients(SIZES[:4], (1, 1, 2)) + in_patients((0, 0, 0, 0, *SIZES[4:]), (8, 10))
    what = "V and VI -.15, with eight or ten images of a patient there and one or two elsewhere."
    yield _effect("many_images_V_VI_15", what, patients(dark, mild), both, correlation=0.4)
    large = (0, 1, 2, 4, 6, 8)  # tenths of the images that are of patients with eight
    sizes = (240, 400, 240, 180, 80, 40)
    eights = [n * k // 80 for n, k in zip(sizes, large, strict=True)]
    crowd: Patients = [(2 * g,) for g, n in enumerate(eights) for _ in range(sizes[g] - 8 * n)]
    crowd += [(2 * g + 1,) * 8 for g, n in enumerate(eights) for _ in range(n)]
    plan = patients(crowd, np.repeat(mild, 2, axis=0), groups=np.repeat(np.arange(6), 2).tolist())
    recall = np.tile(np.array([some + 0.05, some - 0.25]), (6, 1))
    what = "Patients with eight images are harder by .30, and there are more of them in dark types."
    yield _effect("patient_size_effect", what, plan, recall, correlation=0.4)


def _made(
    kind: str, name: str, what: str, plan: Plan, recall: Floats, *, null: bool = True, correlation: float = 0.0
) -> Population:
    """Return a population, by default without an effect."""
    return population(kind, name, what, plan, answering(recall, plan, correlation=correlation), null=null)


def _separated() -> Iterator[Population]:
    """Yield populations whose groups share few classes."""

    crossed = np.array([[0.9, 0.1], [0.1, 0.9]])
    easy_hard = np.array([0.9, 0.4])
    plan = images((200, 60), crossed)
    yield _made("separated", "crossed", "Two classes, mixes 90/10 and 10/90.", plan, easy_hard)
    recall = _shifted(easy_hard, 0, -0.2)
    what = "Two classes, mixes 90/10 and 10/90, the second group -.20."
    yield _made("separated", "crossed_20", what, plan, recall, null=False)
    recall = _shifted(np.array([0.9, 0.3]), 0, 0.1)[:, ::-1]
    what = "Mixes 90/10 and 10/90; the second group is better by .10, and seems better still."
    yield _made("separated", "crossed_better_10", what, plan, recall, null=False)
    plan = images((20, 20), crossed)
    yield _made("separated", "crossed_small", "Mixes 90/10 and 10/90 in 20 images each.", plan, easy_hard)
    extreme = images((100, 100), np.array([[0.98, 0.02], [0.02, 0.98]]))
    yield _made("separated", "nearly_disjoint", "Mixes 98/2 and 2/98 in 100 images each.", extreme, easy_hard)
    recall = _shifted(easy_hard, 0, -0.3)
    what = "Mixes 98/2 and 2/98, the second group -.30."
    yield _made("separated", "nearly_disjoint_30", what, extreme, recall, null=False)

    own = np.zeros((3, 7))
    own[:, :4] = 0.5 * mixes(4, 3, 2)
    own[np.arange(3), 4 + np.arange(3)] = 0.5
    recall = np.array([0.8, 0.7, 0.6, 0.5, 0.95, 0.5, 0.05])
    plan = images((200, 100, 50), own)
    what = "Half of each group is a class of its own, with recall .95, .50 and .05."
    yield _made("separated", "own_classes", what, plan, recall)
    mix = mixes(21, 6, 1)
    mix[:5, 8] = 0
    mix[5] *= 0.6
    mix[5, 8] += 0.4
    recall = recalls(21)
    recall[8] = 0.05
    plan = images(SIZES, _scaled(mix))
    what = "A class that is hardly ever right exists in VI only."
    yield _made("separated", "one_group_class", what, plan, recall)


def _unshared() -> Iterator[Population]:
    """Yield populations whose groups share no class, one class, or classes only with some other groups."""
    apart = np.array([[0.6, 0.4, 0, 0], [0, 0, 0.5, 0.5]])
    plan = images((100, 60), apart)
    recall = np.array([0.9, 0.8, 0.4, 0.3])
    what = "Two groups that share no class: there is nothing to compare."
    yield _made("separated", "disjoint", what, plan, recall)
    chain_mix = np.array([[0.6, 0.4, 0, 0], [0, 0.4, 0.6, 0], [0, 0, 0.5, 0.5]])
    plan = images((120, 90, 60), chain_mix)
    what = "A shares a class with B and B with C, A and C share none."
    yield _made("separated", "chain", what, plan, recall)
    below = np.tile(recall, (3, 1))
    below[1, 1] = 0.5
    what = "A shares a class with B and B with C; B is worse by .30 in what it shares with A."
    yield _made("separated", "chain_30", what, plan, below, null=False)
    apart = np.array([[0.6, 0.4, 0, 0], [0.4, 0.6, 0, 0], [0, 0, 0.5, 0.5]])
    plan = images((120, 90, 60), apart)
    what = "A and B share their classes, C has none in common with them and is much worse."
    yield _made("separated", "disjoint_third", what, plan, np.array([0.9, 0.8, 0.2, 0.1]))
    one = np.zeros((2, 9))
    one[0, :4], one[1, 4:8], one[:, 8] = 0.97 / 4, 0.97 / 4, 0.03
    recall = np.array([0.95] * 4 + [0.3] * 4 + [0.7])
    plan = images((200, 100), one)
    what = "One class in common, 3 % of the images of both groups."
    yield _made("separated", "one_shared_class", what, plan, recall)
    unlike = np.tile(recall, (2, 1))
    unlike[:, 8] = 0.9, 0.4
    what = "One class in common, 3 % of the images, recall .90 and .40 in it."
    yield _made("separated", "one_shared_class_50", what, plan, unlike, null=False)


def _thirds() -> Iterator[Population]:
    """Yield populations in which a third group differs from two equal groups with different class mixes."""
    mix = mixes(9, 3, 5)[[0, 2, 1]]  # A has easy classes, B hard ones, C both
    plan = images((150, 100, 120), mix)
    some = recalls(9)
    what = "A and B are alike with unlike mixes, C is worse by .35."
    yield _made("separated", "third_constant", what, plan, _shifted(some, 0, 0, -0.35), null=False)
    steep = np.array([recalls(9, 0.55, 0.15)] * 2 + [recalls(9, 0.5, 0.45)])
    what = "A and B are alike with unlike mixes, C is better in easy classes and worse in hard ones."
    yield _made("separated", "third_by_class", what, plan, steep, null=False)
    turned = np.array([recalls(9, 0.5, 0.3)] * 2 + [recalls(9, 0.5, -0.4)])
    what = "A and B are alike with unlike mixes, what is hard for them is easy in C."
    yield _made("separated", "third_turned", what, plan, turned, null=False)
    large = images((40, 40, 2000), mix)
    what = "A and B of 40 images are alike with unlike mixes, C of 2000 finds easy what is hard for them."
    yield _made("separated", "third_large", what, large, turned, null=False)
    people = patients(in_patients((150, 100, 120)), mix)
    what = "A and B are alike with unlike mixes, C differs by class; several images of a patient."
    yield _made("separated", "third_clustered", what, people, steep, null=False, correlation=0.4)


def _ties() -> Iterator[Population]:
    """Yield populations with very few images, groups of one image, and images without a group."""

    plan = images((6, 5), np.full((2, 2), 0.5))
    yield _made("ties", "two_classes_tiny", "Two classes, 6 and 5 images, recall .5.", plan, np.array([0.5, 0.5]))
    plan = images((8, 6), np.full((2, 2), 0.5))
    recall = np.array([[0.95, 0.9], [0.35, 0.3]])
    what = "Two classes, 8 and 6 images, the second group -.60."
    yield _made("ties", "two_classes_tiny_60", what, plan, recall, null=False)
    cells = table(np.ones((6, 21), dtype=int))
    yield _made("ties", "one_per_cell", "One image of each class in each group.", cells, recalls(21))
    recall = _shifted(recalls(21), 0, 0, 0, 0, 0, -0.25)
    what = "One image of each class in each group, VI -.25."
    yield _made("ties", "one_per_cell_25", what, cells, recall, null=False)
    plan = table(np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]))
    what = "Two images in each of three groups, one of a class they share."
    yield _made("ties", "two_images_each", what, plan, np.array([0.9, 0.5, 0.1, 0.5]))
    plan = images((100, 1), mixes(5, 2, 1))
    yield _made("ties", "group_of_one", "A group of one image.", plan, recalls(5))
    recall = _shifted(recalls(5), 0, -0.4)
    yield _made("ties", "group_of_one_40", "A group of one image, -.40.", plan, recall, null=False)
    plan = images((238, 397, 243, 186, 1, 1), mixes(21, 6, 1))
    yield _made("ties", "two_groups_of_one", "V and VI have one image each.", plan, recalls(21))
    plan = images((100, 20), np.array([[1.0, 0.0], [1.0, 0.0]]))
    yield _made("ties", "one_class_only", "All images are of one class.", plan, np.array([0.8, 0.8]))
    plan = images((150, 0, 40), mixes(5, 3, 2))
    yield _made("ties", "empty_group", "The second of three groups has no image.", plan, recalls(5))
    mix = np.vstack([mixes(9, 6, 1), mixes(9, 3, 8)[2]])
    groups = (*range(6), UNKNOWN)
    worse = _shifted(recalls(9), 0, 0, 0, 0, 0, 0, -0.4)
    plan = images((*SIZES, 400), mix, groups=groups)
    what = "400 images of no known group have other classes and -.40; the known groups are alike."
    yield _made("ties", "unknown_group", what, plan, worse)
    people = [(*p, 6) if k % 3 == 0 else p for k, p in enumerate(in_patients(SIZES))]
    plan = patients([*people, (6,) * 40], mix, groups=groups)
    what = "Every third patient has an image of no known group, -.40; the known groups are alike."
    yield _made("ties", "unknown_clustered", what, plan, worse, correlation=0.4)


def _all() -> dict[str, Population]:
    families = (
        _nulls,
        _constants,
        _clustered,
        _clustered_kinds,
        _mixed,
        _probabilistic,
        _effects,
        _uneven_effects,
        _extreme_effects,
        _clustered_effects,
        _separated,
        _unshared,
        _thirds,
        _ties,
    )
    every = list(chain.from_iterable(family() for family in families))
    twice = [name for name, n in Counter(p.name for p in every).items() if n > 1]
    if twice:
        raise ValueError(f"names are used twice: {', '.join(twice)}")
    return {p.name: p for p in every}


POPULATIONS: dict[str, Population] = _all()

CORE = (  # the most important ones, for short runs
    "null_mild",
    "null_simpson",
    "null_114_classes",
    "null_tiny_groups",
    "null_three_of_12",
    "null_high_400_8",
    "null_high_400_44",
    "null_low",
    "null_uneven_recall",
    "null_large",
    "null_30_sites",
    "constant_frequent",
    "constant_rare_clustered",
    "nearly_constant",
    "relabelled",
    "constant_by_group",
    "right_against_wrong",
    "clustered",
    "further_strong",
    "further_dark_only",
    "many_images_dark_strong",
    "effect_turns_with_class",
    "giant_patient",
    "three_patients_dark",
    "one_patient_dark",
    "clustered_high_400_12",
    "hard_patients",
    "dark_correlated",
    "sites",
    "sites_effect",
    "pairs_opposed",
    "probabilities_tiny",
    "brier_wide_12",
    "log_rare_44",
    "losses_wide_5",
    "log_narrow_12",
    "VI_25",
    "swap_V_VI",
    "II_8",
    "one_class",
    "common_dark_classes",
    "hidden_VI_10",
    "averages_out",
    "averages_out_12",
    "high_400_12_20",
    "clustered_VI_25",
    "three_patients_VI_25",
    "crossed",
    "crossed_20",
    "nearly_disjoint",
    "own_classes",
    "disjoint",
    "one_shared_class_50",
    "third_turned",
    "third_clustered",
    "two_classes_tiny",
    "one_per_cell",
    "group_of_one",
    "unknown_clustered",
)
