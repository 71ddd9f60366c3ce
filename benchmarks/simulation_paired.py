"""Check the paired tests on pairs of models whose difference is known.

    python benchmarks/simulation_paired.py --out benchmarks/results/simulation_paired.md

Truth, skin type and difficulty of each image are drawn anew in every repetition; two models see the same images
with errors of their own. In the *clustered* setting 1 to 5 images share a patient, and so does a part of each
model's own error. Monte-Carlo error of a rate of .05 from 1,000 repetitions is .007.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from dermbench.artifacts import make_predictions, make_truth
from dermbench.evaluation import METRICS
from dermbench.evaluation.core.groups import everyone, group
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.paired.candidates import candidates
from dermbench.evaluation.paired.effects import effects
from dermbench.evaluation.paired.extremes import extremes
from dermbench.evaluation.paired.margin import SHOWN, no_group_lost
from dermbench.evaluation.paired.ranks import all_pairs
from dermbench.evaluation.resampling.plan import Plan

N, N_CLASSES = 500, 5
CLASSES = tuple("abcde"[:N_CLASSES])
FST_SHARE = (0.2, 0.33, 0.2, 0.16, 0.07, 0.04)
METRIC_NAMES = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "log_loss", "brier", "auroc_ovr")


@dataclass(frozen=True)
class World:
    """Two or more models on the same images.

    Attributes
    ----------
    signals
        How strongly each model sees the true class; equal for models that differ by chance.
    clustered
        Whether images share patients.
    dark_loss
        What the last model loses of its signal for skin types V and VI.
    """

    signals: tuple[float, ...] = (1.5, 1.5)
    clustered: bool = False
    dark_loss: float = 0.0

    def draw(self, rng: np.random.Generator, n: int = N):
        """Return predictions {name: ...} and truth."""
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
    """Return {test: p value} of one draw, with the unpaired test of the same metric for comparison."""
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
    for one in extremes(found, 0, metrics[:3:2], known, plan):
        if one.scores is not None:
            p |= {f"worst group, {one.metric.name}": one.p_worst[1], f"gap, {one.metric.name}": one.p_gap[1]}
    p["rank bands of two models, macro_f1"] = all_pairs(
        {c.name: c.samples for c in found}, METRICS.get("macro_f1"), plan
    ).p_holm[0, 1]
    return p | unpaired(found, metrics, plan)


def unpaired(found, metrics, plan: Plan) -> dict[str, float]:
    """Return p values of the test that takes the two models to be on different images."""
    each = [estimates(c.samples[0], metrics, None, plan) for c in found]
    p = {}
    for metric in metrics:
        a, b = (one[None, metric.name] for one in each)
        p[f"unpaired {metric.name}"] = float(2 * ndtr(-abs(b.value - a.value) / np.hypot(a.se, b.se)))
    return p


def rejections(world: World, repetitions: int, n_resamples: int, seed: int = 0) -> dict[str, float]:
    """Return {test: share of repetitions with p <= .05}; repetitions in which it is undefined are left out."""
    rows = [tests(world, np.random.default_rng([seed, k]), n_resamples) for k in range(repetitions)]
    frame = pd.DataFrame(rows).astype(float)
    return {name: float((column.dropna() <= 0.05).mean()) for name, column in frame.items()}


def coverage(world: World, repetitions: int, n_resamples: int, seed: int = 1) -> dict[str, float]:
    """Return {interval: share of repetitions in which it covers the difference in the population}."""
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
        (one,) = extremes(found, 0, metrics[:1], known, plan)
        _note(hit, "worst group, accuracy", one.worst_effect(1).estimate, true["worst"])
    return {name: float(np.mean(values)) for name, values in hit.items()}


def _note(hit: dict[str, list[bool]], name: str, estimate, true: float) -> None:
    interval = estimate.interval()
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
    """Return how often any two of several equal models are told apart by the rank bands."""
    wrong = 0
    for k in range(repetitions):
        predictions, truth = world.draw(np.random.default_rng([seed, k]))
        pairs = {c.name: c.samples for c in candidates(predictions, truth)}
        wrong += bool(all_pairs(pairs, METRICS.get("macro_f1"), Plan(k, n_resamples)).apart.any())
    return wrong / repetitions


def margin_error(world: World, repetitions: int, n_resamples: int, seed: int = 3) -> float:
    """Return how often "no group lost more than x" is shown when the dark group lost exactly x."""
    accuracy, shown = METRICS.get("accuracy"), 0
    true = population(*world.draw(np.random.default_rng([seed, 10**6]), 200_000), [accuracy])["accuracy V-VI"]
    for k in range(repetitions):
        predictions, truth = world.draw(np.random.default_rng([seed, k]))
        known = group(truth, "fst_band").known()
        made = effects(candidates(predictions, truth), 0, [accuracy], known, Plan(k, n_resamples))
        found = {name: made[1, g, "accuracy"].estimate for g, name in enumerate(known.names)}
        shown += no_group_lost(found, accuracy, -true)["verdict"] == SHOWN
    return shown / repetitions


def table(repetitions: int, n_resamples: int) -> str:
    """Return everything as markdown."""
    settings = {"independent": World(), "clustered": World(clustered=True)}
    better = {"independent": World((1.5, 1.68)), "clustered": World((1.5, 1.72), clustered=True)}
    null = {name: rejections(world, repetitions, n_resamples) for name, world in settings.items()}
    power = {name: rejections(world, repetitions, n_resamples, 9) for name, world in better.items()}
    names = list(dict.fromkeys(name for one in null.values() for name in one))
    lines = [
        "# Paired tests on models whose difference is known",
        "",
        f"{repetitions:,} repetitions, {n_resamples:,} resamples, {N} images, {N_CLASSES} classes; generated by",
        f"`python benchmarks/simulation_paired.py --repetitions {repetitions} --resamples {n_resamples}`.",
        "",
        "## Rejections at .05: models that differ by chance, and a better second model",
        "",
        "| test | equal, independent | equal, clustered | better, independent | better, clustered |",
        "|:--|--:|--:|--:|--:|",
    ]
    for name in names:
        rates = [one[setting].get(name) for one in (null, power) for setting in settings]
        lines.append(f"| {name} | " + " | ".join("" if r is None else f"{r:.3f}" for r in rates) + " |")
    cover = {name: coverage(world, repetitions, n_resamples) for name, world in better.items()}
    lines += ["", "## Coverage of paired 95 % intervals, better second model", ""]
    lines += ["| interval | independent | clustered |", "|:--|--:|--:|"]
    for name in cover["independent"]:
        lines.append(f"| {name} | " + " | ".join(f"{one[name]:.3f}" for one in cover.values()) + " |")
    lines += ["", "## Statements", "", "| statement | independent | clustered |", "|:--|--:|--:|"]
    five = [family_error(World((1.5,) * 5, one.clustered), repetitions, n_resamples) for one in settings.values()]
    lines.append("| any two of 5 equal models told apart | " + " | ".join(f"{r:.3f}" for r in five) + " |")
    lost = [
        margin_error(World(clustered=one.clustered, dark_loss=0.5), repetitions, n_resamples)
        for one in settings.values()
    ]
    lines.append('| "no group lost more than x" when V-VI lost x | ' + " | ".join(f"{r:.3f}" for r in lost) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=499)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    started = time.perf_counter()
    text = table(options.repetitions, options.resamples)
    print(text)
    print(f"{time.perf_counter() - started:.0f} s")
    if options.out:
        options.out.write_text(text, encoding="utf-8")
