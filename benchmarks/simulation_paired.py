"""Check the paired tests on pairs of models with a known difference.

    python benchmarks/simulation_paired.py --out benchmarks/results/simulation_paired.md [--part gap]

Truth, skin type and difficulty of each image are drawn anew in every repetition; two models answer the same images
with their own errors. In the *clustered* setting 1 to 5 images share a patient and a part of each model's error.
The Monte-Carlo error of a rate of .05 from 1,000 repetitions is .007. The part ``gap`` draws the hits of two
models directly, with the group sizes of a public test set of 1,191 images.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import gammaln, ndtr, ndtri, xlogy

from dermbench.artifacts import make_predictions, make_truth
from dermbench.evaluation import METRICS
from dermbench.evaluation.core.groups import Grouping, everyone, group
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.paired.candidates import Candidate, candidates
from dermbench.evaluation.paired.effects import effects
from dermbench.evaluation.paired.gap_change import gap_changes
from dermbench.evaluation.paired.margin import no_group_lost
from dermbench.evaluation.paired.proportions import score_limits
from dermbench.evaluation.paired.question import Question
from dermbench.evaluation.paired.ranks import all_pairs
from dermbench.evaluation.paired.worst import Worst, worst_groups
from dermbench.evaluation.resampling.plan import Plan

N, N_CLASSES = 500, 5
CLASSES = tuple("abcde"[:N_CLASSES])
FST_SHARE = (0.2, 0.33, 0.2, 0.16, 0.07, 0.04)
METRIC_NAMES = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "log_loss", "brier", "auroc_ovr")
UNPAIRED = ("accuracy", "macro_f1", "cohen_kappa", "log_loss")


@dataclass(frozen=True)
class World:
    """Two or more models on the same images.

    Attributes
    ----------
    signals
        Strength of each model's signal for the true class; equal for models that differ only by chance.
    clustered
        Whether images share patients.
    dark_loss
        Loss of the last model's signal for skin types V and VI.
    """

    signals: tuple[float, ...] = (1.5, 1.5)
    clustered: bool = False
    dark_loss: float = 0.0

    def draw(self, rng: np.random.Generator, n: int = N):
        """Return predictions by name, and the truth."""
        unit = np.repeat(np.arange(n), rng.integers(1, 6, n))[:n] if self.clustered else np.arange(n)
        fst = rng.choice(6, n, p=FST_SHARE)[unit]
        mix = np.array([0.36, 0.26, 0.18, 0.12, 0.08])
        y_true = rng.choice(N_CLASSES, n, p=mix)
        ids = [f"i{k:06d}" for k in range(n)]
        columns = {"patient_id": [f"p{u}" for u in unit]} if self.clustered else {}
        table = {"image_id": ids, "label": [CLASSES[c] for c in y_true], "fst": fst + 1, **columns}
        truth = make_truth(pd.DataFrame(table), classes=CLASSES)
        shape = (n, N_CLASSES)
        shared = rng.standard_normal(shape) + self.clustered * rng.standard_normal(shape)[unit]
        found = {}
        for k, signal in enumerate(self.signals):
            logits = shared + 0.6 * rng.standard_normal(shape)
            logits += self.clustered * 0.8 * rng.standard_normal(shape)[unit]
            loss = self.dark_loss * (fst >= 4) if k == len(self.signals) - 1 else 0.0
            logits[np.arange(n), y_true] += signal - loss
            y_prob = np.exp(logits - logits.max(axis=1, keepdims=True))
            found[f"m{k}"] = make_predictions(ids, y_prob / y_prob.sum(axis=1, keepdims=True), CLASSES)
        return found, truth


def tests(world: World, rng: np.random.Generator, n_resamples: int) -> dict[str, float]:
    """Return the p-value of each test on one draw, with unpaired tests for comparison."""
    predictions, truth = world.draw(rng)
    found, plan = candidates(predictions, truth), Plan(int(rng.integers(2**31)), n_resamples)
    metrics = [METRICS.get(name) for name in METRIC_NAMES]
    whole = effects(found, 0, metrics, everyone(len(truth)), plan)
    p = {f"{m}, {whole[1, 0, m].test}": whole[1, 0, m].p_value for m in METRIC_NAMES}
    known = group(truth, "fst_band").known()
    inside = effects(found, 0, metrics[:3], known, plan)
    p |= {
        f"{m} in {known.names[-1]}": inside[1, len(known.names) - 1, m].p_value for m in ("accuracy", "macro_f1")
    }
    for name, one in worst_groups(found, 0, metrics[:3:2], known, plan).items():
        if isinstance(one, Worst):
            p[f"worst group, {name}"] = one.p_value[1]
    p["rank bands of two models, macro_f1"] = all_pairs(
        {c.name: c.samples for c in found}, METRICS.get("macro_f1"), plan
    ).p_holm[0, 1]
    return p | unpaired(found, metrics, plan)


def unpaired(found, metrics, plan: Plan) -> dict[str, float]:
    """Return p-values of the test that treats the images of the two models as different."""
    chosen = [metric for metric in metrics if metric.name in UNPAIRED]
    each = [estimates(c.samples[0], chosen, None, plan) for c in found]
    p = {}
    for metric in chosen:
        a, b = (one[None, metric.name] for one in each)
        p[f"unpaired {metric.name}"] = float(2 * ndtr(-abs(b.value - a.value) / np.hypot(a.se, b.se)))
    return p


def rejections(world: World, repetitions: int, n_resamples: int, seed: int = 0) -> dict[str, float]:
    """Return for each test the share of repetitions with p <= .05, without undefined ones."""
    rows = [tests(world, np.random.default_rng([seed, k]), n_resamples) for k in range(repetitions)]
    frame = pd.DataFrame(rows).astype(float)
    return {name: float((column.dropna() <= 0.05).mean()) for name, column in frame.items()}


def coverage(world: World, repetitions: int, n_resamples: int, seed: int = 1) -> dict[str, float]:
    """Return for each interval the share of repetitions in which it covers the population difference."""
    big, truth = world.draw(np.random.default_rng([seed, 10**6]), 200_000)
    metrics = [METRICS.get(name) for name in METRIC_NAMES]
    true = population(big, truth, metrics)
    hit: dict[str, list[bool]] = {}
    for k in range(repetitions):
        predictions, truth = world.draw(np.random.default_rng([seed, k]))
        found, plan = candidates(predictions, truth), Plan(k, n_resamples)
        whole = effects(found, 0, metrics, everyone(len(truth)), plan)
        for name in METRIC_NAMES:
            _note(hit, name, whole[1, 0, name].estimate, true[name])
        known = group(truth, "fst_band").known()
        inside = effects(found, 0, metrics[:1], known, plan)
        for g, band in enumerate(known.names):
            _note(hit, f"accuracy in {band}", inside[1, g, "accuracy"].estimate, true[f"accuracy {band}"])
        one = worst_groups(found, 0, metrics[:1], known, plan)["accuracy"]
        _note(hit, "worst group, accuracy", one.effect(1).estimate, true["worst"])
    return {name: float(np.mean(values)) for name, values in hit.items()}


def _note(hit: dict[str, list[bool]], name: str, estimate, true: float) -> None:
    interval = estimate.cell()
    if interval.low is not None:
        hit.setdefault(name, []).append(bool(interval.low <= true <= interval.high))


def population(predictions, truth, metrics) -> dict[str, float]:
    """Return the differences of metrics on a very large draw."""
    from dermbench.evaluation.core.sample import join
    from dermbench.evaluation.core.scoring import score

    first, second = (join(predictions[name], truth) for name in ("m0", "m1"))
    true = {m.name: score(m, second) - score(m, first) for m in metrics}
    known = group(truth, "fst_band").known()
    values = [
        [score(metrics[0], s, rows=np.flatnonzero(known.codes == g)) for g in range(len(known.names))]
        for s in (first, second)
    ]
    true |= {f"accuracy {name}": values[1][g] - values[0][g] for g, name in enumerate(known.names)}
    return true | {"worst": min(values[1]) - min(values[0])}


def family_error(world: World, repetitions: int, n_resamples: int, seed: int = 2) -> float:
    """Return how often rank bands separate any two of several equal models."""
    wrong = 0
    for k in range(repetitions):
        predictions, truth = world.draw(np.random.default_rng([seed, k]))
        pairs = {c.name: c.samples for c in candidates(predictions, truth)}
        wrong += bool(all_pairs(pairs, METRICS.get("macro_f1"), Plan(k, n_resamples)).apart.any())
    return wrong / repetitions


def margin_error(world: World, repetitions: int, n_resamples: int, seed: int = 3) -> float:
    """Return how often "no group lost more than x" is declared when the dark group lost exactly x."""
    accuracy, shown = METRICS.get("accuracy"), 0
    true = population(*world.draw(np.random.default_rng([seed, 10**6]), 200_000), [accuracy])["accuracy V-VI"]
    for k in range(repetitions):
        predictions, truth = world.draw(np.random.default_rng([seed, k]))
        known = group(truth, "fst_band").known()
        made = effects(candidates(predictions, truth), 0, [accuracy], known, Plan(k, n_resamples))
        found = {name: made[1, g, "accuracy"].estimate for g, name in enumerate(known.names)}
        shown += no_group_lost(found, accuracy, -true).verdict == "shown"
    return shown / repetitions


@dataclass(frozen=True)
class Hits:
    """Two models that are right with known probabilities in every group.

    Attributes
    ----------
    accuracy
        Accuracy of each model without a loss.
    lost
        Loss of accuracy of each model in each group.
    sizes
        Number of images of each group.
    mixes_differ
        Whether class mixes differ between groups, and the models' accuracies between classes.
    clustered
        Whether each image is replaced by three images of one patient.
    """

    accuracy: tuple[float, float]
    lost: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,) * 6, (0.0,) * 6)
    sizes: tuple[int, ...] = (238, 397, 243, 186, 83, 44)
    mixes_differ: bool = False
    clustered: bool = False

    def draw(self, rng: np.random.Generator, n_classes: int = 21):
        """Return the two models' answers and the groups."""
        sizes = np.array(self.sizes) * (3 if self.clustered else 1)
        codes = np.repeat(np.arange(len(sizes)), sizes)
        n, unit = len(codes), np.arange(len(codes)) // 3 if self.clustered else None
        mix = rng.dirichlet(np.full(n_classes, 4.0), len(sizes) if self.mixes_differ else 1)
        y_true = np.concatenate([rng.choice(n_classes, m, p=mix[g % len(mix)]) for g, m in enumerate(sizes)])
        by_class = rng.normal(0, 0.3, (1 + self.mixes_differ, n_classes))

        def normal() -> np.ndarray:
            alone = rng.standard_normal(n)
            return alone if unit is None else np.sqrt(0.5) * (alone + rng.standard_normal(n)[unit])

        shared, found = normal(), []
        for k, accuracy in enumerate(self.accuracy):
            ability = ndtri(np.clip(accuracy - np.array(self.lost[k])[codes], 0.001, 0.999)) * np.sqrt(1.09)
            hit = np.sqrt(0.6) * shared + np.sqrt(0.4) * normal() < ability + by_class[k % len(by_class)][y_true]
            y_pred = np.where(hit, y_true, (y_true + 1) % n_classes)
            found.append(Sample(y_true, y_pred, n_classes, unit=unit, classes=tuple(map(str, range(n_classes)))))
        names = ("I", "II", "III", "IV", "V", "VI")[: len(sizes)]
        return found, Grouping("fst", codes.astype(np.intp), names, ordered=True)

    @property
    def change(self) -> float:
        """Largest difference between two groups in the second model's loss minus the first's."""
        return float(np.ptp(np.array(self.lost[1]) - self.lost[0]))


DARK, LAST = (0.0, 0.0, 0.0, 0.0, 0.15, 0.15), (0.0, 0.0, 0.0, 0.0, 0.0, 0.2)
NOTHING = (0.0,) * 6
GAPS = {
    "equal accuracy .65, no gap": Hits((0.65, 0.65)),
    "accuracy .95 against .65, no gap": Hits((0.95, 0.65)),
    "both lose .20 on V and VI from .95": Hits((0.95, 0.95), ((0.0, 0.0, 0.0, 0.0, 0.2, 0.2),) * 2),
    "class mixes and class difficulties differ, no gap": Hits((0.75, 0.65), mixes_differ=True),
    "second loses .15 on V and VI from .65": Hits((0.65, 0.65), (NOTHING, DARK)),
    "second loses .15 on V and VI from .80": Hits((0.8, 0.8), (NOTHING, DARK)),
    "second loses .20 on VI from .65": Hits((0.65, 0.65), (NOTHING, LAST)),
}


def gap_change(world: Hits, repetitions: int, n_resamples: int, seed: int = 4) -> dict[str, float]:
    """Return how often a change of the gap is found, and how often its limits are wrong."""
    rows = []
    for k in range(repetitions):
        samples, grouping = world.draw(rng := np.random.default_rng([seed, k]))
        models = [Candidate(name, (name,), (one,)) for name, one in zip("ab", samples, strict=True)]
        metrics = [METRICS.get("accuracy")]
        question = Question(models, 0, metrics, metrics, True, None, Plan(k, n_resamples))  # noqa: FBT003
        change = gap_changes(question, grouping)["accuracy"].changes["b"]
        swapped = swapped_gap(samples, grouping, n_resamples, rng)
        found, low = change.p_value <= 0.05, change.low
        too_low = change.high is not None and change.high < world.change
        rows.append((found, low > 0, low > world.change, too_low, swapped <= 0.05))
    names = ("found", "at least > 0", "at least > truth", "at most < truth", "version 1")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def swapped_gap(samples: list[Sample], grouping: Grouping, n_swaps: int, rng: np.random.Generator) -> float:
    """Return the p-value of version 1, which swaps units between models and compares ranges of group accuracy."""
    first, second = (one.hit.astype(float) for one in samples)
    swaps = np.column_stack([np.zeros(samples[0].n_units), rng.integers(0, 2, (samples[0].n_units, n_swaps))])
    moved = (second - first)[:, None] * swaps[samples[0].units]
    groups = np.eye(len(grouping.names))[grouping.codes] / grouping.sizes
    moved = groups.T @ moved
    gaps = [np.ptp((groups.T @ hits)[:, None] + sign * moved, axis=0) for hits, sign in ((first, 1), (second, -1))]
    apart = np.abs(gaps[1] - gaps[0])
    return float((1 + np.sum(apart[1:] >= apart[0] - 1e-9)) / (1 + n_swaps))


def too_high(n: int) -> dict[str, float]:
    """Return the exact, largest probability that one-sided 95 % limits of a paired difference exceed the truth.

    The first model is right on .62 to .98 of n images, the second loses 0 to .20, and 0 to .15 are both lost and
    gained. All tables of n images are enumerated.
    """
    a, b, c = (x.ravel() for x in np.meshgrid(*[np.arange(n + 1.0)] * 3, indexing="ij"))
    kept = a + b + c <= n
    table = np.stack([a[kept], b[kept], c[kept], n - (a + b + c)[kept]])  # right both, first, second, none
    log_ways = gammaln(n + 1) - gammaln(table + 1).sum(axis=0)
    z = float(ndtri(0.95))
    tango = {(x, y): score_limits(x / n, y / n, n, z=z)[0] for y, x in set(zip(*table[1:3].tolist(), strict=True))}
    lower = {
        "Tango": np.array([tango[x, y] for y, x in zip(*table[1:3].tolist(), strict=True)]),
        "Newcombe, method 10": newcombe_lower(table, z),
        "Bonett and Price": bonett_price_lower(table, z),
    }
    worst = dict.fromkeys(lower, 0.0)
    for accuracy, lost, besides in product(
        (0.62, 0.8, 0.9, 0.98), (0.0, 0.02, 0.05, 0.1, 0.2), (0.0, 0.01, 0.05, 0.15)
    ):
        share = np.array([accuracy - lost - besides, lost + besides, besides, 1 - accuracy - besides])
        if share.min() < 0:
            continue
        chance = np.exp(log_ways + xlogy(table, share[:, None]).sum(axis=0))
        for name, limit in lower.items():
            worst[name] = max(worst[name], float(chance @ (limit > -lost + 1e-9)))
    return worst


def newcombe_lower(table: np.ndarray, z: float) -> np.ndarray:
    """Return Newcombe's (1998) lower limits of paired differences, with the continuity correction of phi."""
    a, b, c, d = table
    n = table.sum(axis=0)
    crossed = a * d - b * c
    crossed = np.where(crossed > 0, np.maximum(crossed - n / 2, 0), crossed)
    below = np.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    phi = np.divide(crossed, below, out=np.zeros_like(a), where=below > 0)
    first, second = (a + b) / n, (a + c) / n
    centre, half = [], []
    for p in (first, second):
        centre.append((p + z * z / (2 * n)) / (1 + z * z / n))
        half.append(z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2))
    up, down = centre[0] + half[0] - first, second - centre[1] + half[1]
    return second - first - np.sqrt(np.maximum(down**2 - 2 * phi * down * up + up**2, 0))


def bonett_price_lower(table: np.ndarray, z: float) -> np.ndarray:
    """Return Bonett and Price's (2012) lower limits of paired differences."""
    lost, gained, n = table[1], table[2], table.sum(axis=0)
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    return up - down - z * np.sqrt((up + down - (up - down) ** 2) / (n + 2))


def limit_lines(_repetitions: int, _n_resamples: int) -> list[str]:
    """Return the table of one-sided limits."""
    sizes = (8, 12, 20, 44, 100)
    made = [too_high(n) for n in sizes]
    lines = [
        "Exactly, over all tables of n images: how often one-sided 95 % limits are above the truth, at worst over",
        "accuracies of .62 to .98 and losses of 0 to .20.",
        "",
        "| limits | " + " | ".join(f"n = {n}" for n in sizes) + " |",
        "|:--|" + "--:|" * len(sizes),
    ]
    return lines + [f"| {name} | " + " | ".join(f"{one[name]:.3f}" for one in made) + " |" for name in made[0]]


def rejection_lines(repetitions: int, n_resamples: int) -> list[str]:
    """Return the table of rejections."""
    null = {name: rejections(world, repetitions, n_resamples) for name, world in EQUAL.items()}
    power = {name: rejections(world, repetitions, n_resamples, 9) for name, world in BETTER.items()}
    names = list(dict.fromkeys(name for one in null.values() for name in one))
    lines = [
        "| test | equal, independent | equal, clustered | better, independent | better, clustered |",
        "|:--|--:|--:|--:|--:|",
    ]
    for name in names:
        rates = [one[setting].get(name) for one in (null, power) for setting in EQUAL]
        lines.append(f"| {name} | " + " | ".join("" if r is None else f"{r:.3f}" for r in rates) + " |")
    return lines


def coverage_lines(repetitions: int, n_resamples: int) -> list[str]:
    """Return the table of coverage."""
    cover = {name: coverage(world, repetitions, n_resamples) for name, world in BETTER.items()}
    lines = ["| interval | independent | clustered |", "|:--|--:|--:|"]
    return lines + [
        f"| {name} | " + " | ".join(f"{one[name]:.3f}" for one in cover.values()) + " |"
        for name in cover["independent"]
    ]


def statement_lines(repetitions: int, n_resamples: int) -> list[str]:
    """Return the table of statements."""
    worlds = EQUAL.values()
    five = [family_error(World((1.5,) * 5, one.clustered), repetitions, n_resamples) for one in worlds]
    lost = [
        margin_error(World(clustered=one.clustered, dark_loss=0.5), repetitions, n_resamples) for one in worlds
    ]
    return [
        "| statement | independent | clustered |",
        "|:--|--:|--:|",
        "| any two of 5 equal models told apart | " + " | ".join(f"{r:.3f}" for r in five) + " |",
        '| "no group lost more than x" when V-VI lost x | ' + " | ".join(f"{r:.3f}" for r in lost) + " |",
    ]


def gap_lines(repetitions: int, n_resamples: int) -> list[str]:
    """Return the table of changes of a gap."""
    lines = [
        "Accuracy in six groups of 44 to 397 patients, one or three images each, 21 classes. Last column: the",
        "test of version 1, which exchanges the models' answers.",
        "",
        "| population | images each | found | at least > 0 | at least > truth | at most < truth | version 1 |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for name, world in GAPS.items():
        for clustered in (False, True):
            made = gap_change(replace(world, clustered=clustered), repetitions, n_resamples)
            lines.append(
                f"| {name} | {3 if clustered else 1} | "
                + " | ".join(f"{rate:.3f}" for rate in made.values())
                + " |"
            )
    return lines


EQUAL = {"independent": World(), "clustered": World(clustered=True)}
BETTER = {"independent": World((1.5, 1.68)), "clustered": World((1.5, 1.72), clustered=True)}
PARTS = {
    "rejections": ("Rejections at .05: models that differ by chance, and a better second model", rejection_lines),
    "coverage": ("Coverage of paired 95 % intervals, better second model", coverage_lines),
    "statements": ("Statements", statement_lines),
    "limits": ("One-sided limits of small groups", limit_lines),
    "gap": ("Change of a gap between two models: rejections at .05 and limits", gap_lines),
}


def table(repetitions: int, n_resamples: int, parts: list[str], before: str) -> str:
    """Return all parts as Markdown; parts that are not made are taken from ``before``."""
    blocks = {text.partition("\n")[0]: text for text in before.split("\n## ")[1:]}
    lines = [
        "# Paired tests on models whose difference is known",
        "",
        f"Generated by `python benchmarks/simulation_paired.py`; {N} images, {N_CLASSES} classes if not said.",
    ]
    for name, (title, make) in PARTS.items():
        if name in parts:
            draws = "" if name == "limits" else f", {repetitions:,} repetitions, {n_resamples:,} resamples"
            said = f"`--part {name}`{draws}."
            blocks[title] = "\n".join([title, "", said, "", *make(repetitions, n_resamples)])
        if title in blocks:
            lines += ["", f"## {blocks[title].strip()}"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=499)
    parser.add_argument("--part", choices=list(PARTS), nargs="+", default=list(PARTS))
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    started = time.perf_counter()
    there = options.out.read_text(encoding="utf-8") if options.out and options.out.exists() else ""
    text = table(options.repetitions, options.resamples, options.part, there)
    print(text)
    print(f"{time.perf_counter() - started:.0f} s")
    if options.out:
        options.out.write_text(text, encoding="utf-8")
