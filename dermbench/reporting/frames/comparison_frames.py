"""The tables of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dermbench.artifacts.report import Undefined
from dermbench.reporting.frames.cells import CELL, CONTRAST, FEATURE, METRIC, REASON, cell_values, contrast_values
from dermbench.reporting.frames.frame import Frame, Value, counts, numbers, reasons_text, texts
from dermbench.reporting.names import sorted_features, sorted_groups, sorted_metrics

if TYPE_CHECKING:
    from dermbench.artifacts.comparison import Comparison, Difference, GapChange, Seeds

Rows = Iterator[tuple[Value, ...]]

MODEL = texts(model="model")
BASELINE = texts(baseline="model to compare with")
TESTED = (
    *numbers(
        difference="model minus baseline",
        low="lower end of the paired 95 % interval",
        high="upper end of the paired 95 % interval",
    ),
    *counts(n="images behind the difference"),
    *texts(method="how the interval was made", test="test that gives p_value"),
    *numbers(
        p_value="two-sided p-value",
        p_holm="p-value after Holm's correction within its family",
        seed_se="standard error due to the seeds",
    ),
    *REASON,
)
SEEDS = (
    *counts(n_seeds="number of seeds"),
    *numbers(seed_sd="standard deviation between seeds", test_sd="standard error for these seeds on other images"),
    *texts(seed_reason="why there is no seed_sd"),
)


def _tested(item: Difference | None) -> tuple[Value, ...]:
    if item is None:
        return (None,) * len(TESTED)
    made = (item.value, item.low, item.high, item.n, item.method, item.test)
    return *made, item.p_value, item.p_holm, item.seed_se, item.reason


def _seeds(item: Seeds | None) -> tuple[Value, ...]:
    return (None,) * len(SEEDS) if item is None else (item.n, item.seed_sd, item.test_sd, item.reason)


def _models(comparison: Comparison) -> Rows:
    for model, cells in comparison.models.items():
        for metric in sorted_metrics(cells):
            seeds = comparison.seeds.get(model, {}).get(metric)
            yield model, metric, *cell_values(cells[metric]), *_seeds(seeds)


def _differences(comparison: Comparison) -> Rows:
    for model, effects in comparison.differences.items():
        for metric in sorted_metrics(effects):
            yield model, comparison.baseline, metric, *_tested(effects[metric])


def _groups(comparison: Comparison) -> Rows:
    for feature in sorted_features(comparison.features):
        block = comparison.features[feature]
        for group in sorted_groups(block.groups):
            size = block.groups[group]
            for model, values in block.values.items():
                effects = block.differences.get(model, {}).get(group, {})
                about = (feature, group, size.n, size.units, model, comparison.baseline)
                for metric in sorted_metrics(values[group]):
                    yield *about, metric, values[group][metric], *_tested(effects.get(metric))


def _gaps(comparison: Comparison) -> Rows:
    for feature in sorted_features(comparison.features):
        block = comparison.features[feature]
        for metric in sorted_metrics(block.gap):
            found = block.gap[metric]
            if isinstance(found, Undefined):
                yield feature, metric, *(None,) * (len(GAPS) - 3), found.reason
                continue
            for model, gap in found.models.items():
                yield feature, metric, model, comparison.baseline, gap, *_changed(found.changes.get(model))


def _changed(item: GapChange | Undefined | None) -> tuple[Value, ...]:
    if item is None:
        return (None,) * len(CHANGE)
    if isinstance(item, Undefined):
        return *(None,) * (len(CHANGE) - 1), item.reason
    made = (item.value, item.low, item.high, item.chance, item.p_value, item.p_holm, item.overlap)
    return *made, *contrast_values(item.contrast), reasons_text(item.reasons)


def _ranks(comparison: Comparison) -> Rows:
    ranks = comparison.ranks
    if ranks.reason is not None:
        yield None, ranks.metric, *(None,) * 6, ranks.reason
    for item in ranks.models:
        about = (item.model, ranks.metric, item.value, item.low, item.high, item.best, item.worst, item.letters)
        yield *about, ranks.letters_reason
    for model in ranks.without_value:
        yield model, ranks.metric, *(None,) * 6, "no value, so no rank"


CHANGE = (
    *numbers(
        change="largest within-class difference between two groups in model minus baseline",
        low="the change is at least this (95 %)",
        high="the change is at most this (95 %)",
        chance="median change when the groups make no difference",
        p_value="p-value of the change",
        p_holm="p-value after Holm's correction within its family",
        overlap="smallest overlap of two groups' class mixes",
    ),
    *CONTRAST,
    *REASON,
)
GAPS = (*FEATURE, *METRIC, *MODEL, *BASELINE, *numbers(gap="within-class gap of the model"), *CHANGE)
_ALL: tuple[Frame[Comparison], ...] = (
    Frame("models", "a metric of one model on all images", (*MODEL, *METRIC, *CELL, *SEEDS), _models),
    Frame(
        "differences",
        "a metric of one model against the baseline, on all images",
        (*MODEL, *BASELINE, *METRIC, *TESTED),
        _differences,
    ),
    Frame(
        "groups",
        "a metric of one model in one group; rows of the baseline have no difference",
        (
            *FEATURE,
            *texts(group="group"),
            *counts(group_n="images of the group", group_units="patients, lesions or images of the group"),
            *MODEL,
            *BASELINE,
            *METRIC,
            *numbers(value="value of the model"),
            *TESTED,
        ),
        _groups,
    ),
    Frame("gaps", "the gap of one model, and its change against the baseline", GAPS, _gaps),
    Frame(
        "ranks",
        "a model among all",
        (
            *MODEL,
            *texts(metric="metric that ranks"),
            *numbers(
                value="value of the model",
                low="lower end of its 95 % interval",
                high="upper end of its 95 % interval",
            ),
            *counts(best="best possible rank", worst="worst possible rank"),
            *texts(letters="models that share a letter cannot be told apart"),
            *REASON,
        ),
        _ranks,
    ),
)
COMPARISON_FRAMES = {frame.name: frame for frame in _ALL}
"""{name: table} of a comparison, in reading order."""
