"""Pixels of the synthetic dataset: colour, equality between skin types, and what fade takes away."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from dermbench.data.synth.colour import draw_skin, lab_to_rgb, quantise, rgb_to_lab, typology_angle
from dermbench.data.synth.dials import Dials
from dermbench.data.synth.morphology import MORPHOLOGIES
from dermbench.data.synth.plan import plan_shots
from dermbench.data.synth.render import render_lab, render_rgb
from dermbench.data.synth.streams import Stream, stream
from dermbench.data.synth.write import encode

CLASSES = tuple(MORPHOLOGIES)
QUIET = {"size": 48, "noise": 0, "hair": 0}


def delta_e(shot, dials):
    """Mean CIE76 difference that the lesion makes in the 8-bit picture, over the pixels it changes."""
    bare = dials.model_copy(update={"contrast": 0.0})
    with_lesion, without = (rgb_to_lab(render_rgb(shot, d) / 255.0) for d in (dials, bare))
    difference = np.linalg.norm(with_lesion - without, axis=-1)
    unfaded = dials.model_copy(update={"fade": 0.0})
    lesion = np.linalg.norm(render_lab(shot, unfaded) - render_lab(shot, bare), axis=-1)
    return float(difference[lesion > 3].mean())


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_colours_of_the_srgb_corners(rgb, lab):
    assert rgb_to_lab(np.array(rgb) / 255.0) == pytest.approx(lab, abs=0.02)
    assert quantise(lab_to_rgb(np.array(lab))).tolist() == list(rgb)


def test_conversion_is_its_own_inverse_on_all_greys_and_random_colours():
    rgb = np.concatenate(
        [np.repeat(np.linspace(0, 1, 256), 3).reshape(-1, 3), np.random.default_rng(0).random((999, 3))]
    )
    assert lab_to_rgb(rgb_to_lab(rgb)) == pytest.approx(rgb, abs=1e-6)


def test_typology_angle_of_known_colours():
    assert typology_angle(50, 15) == 0
    assert typology_angle(65, 15) == pytest.approx(45)
    assert typology_angle(35, 15) == pytest.approx(-45)


@pytest.mark.parametrize("morphology", CLASSES)
def test_the_pattern_is_the_same_on_every_skin(morphology):
    shot = replace(plan_shots(Dials(images=6), CLASSES)[0], morphology=morphology)
    dials = Dials(size=64)
    patterns = []
    for fst in range(1, 7):
        skin = np.array(draw_skin(fst, stream(0, Stream.SKIN, shot.patient)))
        patterns.append(render_lab(replace(shot, fst=fst), dials) - skin)
    assert np.ptp(patterns, axis=0).max() < 1e-9
    assert np.linalg.norm(patterns[0], axis=-1).max() > 5


def test_nothing_is_clipped_at_the_ends_of_srgb():
    dials = Dials(images=300, size=48)
    outside = {t: [] for t in range(1, 7)}
    for shot in plan_shots(dials, CLASSES):
        rgb = lab_to_rgb(render_lab(shot, dials))
        outside[shot.fst].append(((rgb < 0) | (rgb > 1)).mean())
    assert max(np.mean(v) for v in outside.values()) < 1e-4


def test_contrast_in_the_picture_is_equal_between_types_and_fades_as_documented():
    shots = plan_shots(Dials(images=40), CLASSES)[::3]
    for fade in (0.0, 0.6):
        dials = Dials(**QUIET, fade=fade)
        means = [np.mean([delta_e(replace(s, fst=t), dials) for s in shots]) for t in range(1, 7)]
        expected = [1 - fade * (t - 1) / 5 for t in range(1, 7)]
        assert np.array(means) / means[0] == pytest.approx(expected, rel=0.03)


def test_measured_contrast_of_a_whole_set_does_not_depend_on_type():
    def p_value(seed, fade):
        dials = Dials(**{**QUIET, "size": 32, "images": 240, "seed": seed, "fade": fade})
        lesions = {shot.lesion: shot for shot in plan_shots(dials, CLASSES)}.values()
        return stats.kruskal(*([delta_e(s, dials) for s in lesions if s.fst == t] for t in range(1, 7))).pvalue

    assert min(p_value(seed, 0.0) for seed in range(3)) > 0.01
    assert p_value(0, 0.8) < 1e-6


def test_sensor_noise_is_as_strong_on_every_skin():
    shot = plan_shots(Dials(images=6), CLASSES)[0]
    spread = []
    for fst in range(1, 7):
        pair = [render_rgb(replace(shot, fst=fst), Dials(size=96, noise=n)) / 255.0 for n in (0, 2)]
        spread.append((rgb_to_lab(pair[1]) - rgb_to_lab(pair[0]))[..., 0].std())
    assert np.ptp(spread) / np.mean(spread) < 0.05


def test_jpeg_loses_as_much_on_every_skin():
    dials = Dials(size=96)
    shots = plan_shots(Dials(images=6), CLASSES)
    lost = []
    for fst in range(1, 7):
        errors = [
            rgb_to_lab(np.asarray(Image.open(BytesIO(encode(s, dials)))) / 255.0) - render_lab(s, dials)
            for s in (replace(shot, fst=fst) for shot in shots)
        ]
        lost.append(np.sqrt(np.mean(np.square(errors), axis=(0, 1, 2))))
    assert (np.ptp(lost, axis=0) / np.mean(lost, axis=0)).max() < 0.1


def test_views_of_a_lesion_share_skin_and_differ_in_the_picture():
    dials = Dials(images=120, size=48)
    shots = plan_shots(dials, CLASSES)
    first, second = next((a, b) for a, b in pairwise(shots) if a.lesion == b.lesion)
    assert not np.array_equal(render_rgb(first, dials), render_rgb(second, dials))
    middle = [render_lab(s, dials).mean(axis=(0, 1)) for s in (first, second)]
    assert np.abs(middle[0] - middle[1]).max() < 8


def test_hair_darkens_and_its_dial_adds_it():
    shots = plan_shots(Dials(images=60), CLASSES)
    light = [
        np.mean([render_lab(s, Dials(size=48, noise=0, hair=h))[..., 0].mean() for s in shots]) for h in (0, 1, 3)
    ]
    assert light[0] > light[1] > light[2]


def test_classes_can_be_told_apart_from_pixels_and_shuffled_ones_cannot():
    dials = Dials(images=700, size=32)
    shots = plan_shots(dials, CLASSES)
    pattern = [rgb_to_lab(render_rgb(s, dials) / 255.0) for s in shots]
    flat = np.array(
        [(p - np.median(p, axis=(0, 1))).reshape(16, 2, 16, 2, 3).mean(axis=(1, 3)).ravel() for p in pattern]
    )
    moments = np.array(
        [
            np.concatenate([np.percentile(p, [1, 5, 25, 75, 95, 99], axis=(0, 1)).ravel(), p.std(axis=(0, 1))])
            for p in flat.reshape(-1, 16, 16, 3)
        ]
    )
    labels = np.array([s.morphology for s in shots])
    train = np.array([s.patient % 3 > 0 for s in shots])

    def score(target):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(moments[train], target[train])
        return model.score(moments[~train], target[~train])

    assert score(labels) > 0.3
    assert score(np.random.default_rng(0).permutation(labels)) < 0.17
