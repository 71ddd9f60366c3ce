"""Several annotators' skin types: how far they agree, and the gap under each one's labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import FST, make_sample

from dermbench.artifacts.report import GapRange, Undefined
from dermbench.evaluation import METRICS
from dermbench.evaluation.annotators import annotators, labellings
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.contrasts import gap_tests, observed_gap
from dermbench.evaluation.resampling.plan import Plan

ACCURACY = METRICS.get("accuracy")


def two_labellings(sample):
    rng = np.random.default_rng(0)
    codes = rng.integers(-1, 6, len(sample))
    other = np.where(rng.random(len(sample)) < 0.3, np.clip(codes + 1, -1, 5), codes)
    return Grouping("fst", codes, FST, ordered=True), Grouping("fst_b", other, FST, ordered=True)


def test_agreement_counts_images_that_all_label():
    sample = make_sample(5)
    first = Grouping("fst", np.array([0, 1, 2, -1, 5]), FST, ordered=True)
    second = Grouping("fst_b", np.array([0, 2, 4, 3, 5]), FST, ordered=True)
    found = annotators(sample, [first, second], ACCURACY)
    assert found.columns == ("fst", "fst_b")
    assert (found.exact.value, found.exact.n) == (0.5, 4)
    assert (found.within_one.value, found.within_one.n) == (0.75, 4)
    assert found.exact.low < 0.5 < found.exact.high
    third = replace(first, feature="fst_c", codes=np.array([0, 1, 0, 0, -1]))
    three = annotators(sample, [first, second, third], ACCURACY)
    assert (three.exact.value, three.exact.n) == (pytest.approx(1 / 3, abs=1e-6), 3)
    assert three.within_one.value == pytest.approx(2 / 3, abs=1e-6)


def test_nothing_that_all_label_says_why():
    sample = make_sample(5)
    first = Grouping("fst", np.array([0, 1, -1, -1, -1]), FST, ordered=True)
    second = Grouping("fst_b", np.array([-1, -1, 1, 2, 3]), FST, ordered=True)
    found = annotators(sample, [first, second], ACCURACY)
    assert found.exact.value is None
    assert found.exact.reason == found.within_one.reason == "no image has a label of every annotator"
    assert found.exact.n == 0


def by_unit(n_units=40, *, seed=0, copies=4):
    """Two labellings of units whose images all agree or all differ, and the unit of each image."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 6, n_units)
    other = np.where(rng.random(n_units) < 0.3, (codes + 2) % 6, codes)
    unit = np.repeat(np.arange(n_units), copies)
    return [Grouping("fst", codes[unit], FST), Grouping("fst_b", other[unit], FST)], unit


def sample_of(unit, *, clustered):
    y_true = unit % 3
    return Sample(y_true, y_true, 3, unit=unit if clustered else None)


def test_images_of_a_unit_that_differ_together_count_once():
    groupings, unit = by_unit()
    single = [replace(g, codes=g.codes[::4]) for g in groupings]
    alone = annotators(sample_of(np.arange(40), clustered=False), single, ACCURACY)
    careless = annotators(sample_of(unit, clustered=False), groupings, ACCURACY)
    found = annotators(sample_of(unit, clustered=True), groupings, ACCURACY)
    assert found.exact.value == careless.exact.value == alone.exact.value
    for key in ("exact", "within_one"):
        width, of_units, of_images = (getattr(x, key).high - getattr(x, key).low for x in (found, alone, careless))
        assert width == pytest.approx(of_units, rel=0.12)
        assert width > 1.6 * of_images
    assert "40 units" in found.exact.method


def test_units_of_one_image_change_nothing():
    groupings, unit = by_unit(copies=1)
    plain = annotators(sample_of(unit, clustered=False), groupings, ACCURACY)
    assert annotators(sample_of(unit[::-1].copy(), clustered=True), groupings, ACCURACY) == plain


@pytest.mark.parametrize("units", [None, 200])
def test_the_band_spans_the_gaps_of_all_labellings(units):
    sample = make_sample(600, units=units)
    groupings = list(two_labellings(sample))
    band = annotators(sample, groupings, ACCURACY).gap
    gaps = [gap_tests(sample, g, [ACCURACY], Plan(0, 19))["accuracy"].gap for g in groupings]
    assert (band.min, band.max) == pytest.approx((min(gaps), max(gaps)), abs=1e-6)
    assert [observed_gap(sample, g, ACCURACY) for g in groupings] == pytest.approx(gaps)


def test_the_band_needs_a_gap_under_every_labelling():
    sample = make_sample(600)
    first, second = two_labellings(sample)
    alone = replace(second, codes=np.where(second.codes >= 0, 0, -1))
    found = annotators(sample, [first, alone], ACCURACY).gap
    assert found == Undefined(reason="accuracy has no gap under every annotator's labels")
    macro = annotators(sample, [first, second], METRICS.get("macro_f1")).gap
    assert macro == Undefined(reason="macro_f1 has no gap under every annotator's labels")
    assert isinstance(annotators(sample, [first, second], ACCURACY).gap, GapRange)


def test_labellings_are_skin_types_that_differ_and_know_something():
    sample = make_sample(60)
    first, second = two_labellings(sample)
    copy = replace(first, feature="fst_copy")
    empty = replace(first, feature="fst_empty", codes=np.full(60, -1))
    band = Grouping("fst_band", first.codes // 2, ("I-II", "III-IV", "V-VI"), ordered=True)
    sex = Grouping("sex", np.arange(60) % 2, ("f", "m"))
    found = labellings([sex, first, band, copy, empty, second])
    assert [g.feature for g in found] == ["fst", "fst_b"]
