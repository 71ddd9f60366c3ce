"""Skin tones in an audit: tables with empty cells, agreement of annotators, the estimated typology angle."""

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts.skin import ITA_FIVE, ITA_SIX
from dermbench.data.audit.ita import angle_class, colours, skin_angle, to_lab
from dermbench.data.audit.tones import agreements, tone_columns, tone_table
from dermbench.data.synth.colour import lab_to_rgb, quantise, rgb_to_lab


def rows(**columns):
    n = len(next(iter(columns.values())))
    base = {"image_id": [f"i{k}" for k in range(n)], "label": "a", "split": "train"}
    return pd.DataFrame(base | columns)


def test_columns_of_skin_tone_are_found_and_copies_left_out():
    table = rows(
        fst=pd.array([1, 2, None], dtype="Int64"),
        fst_scale=pd.array([1, 2, None], dtype="Int64"),
        fst_centaur=[1, 3, 4],
        fst_band=["I-II", "I-II", None],
        fst_text=["I", "II", "?"],
        mst_us=[1, 10, 3],
        mst_india=pd.array([None, None, None], dtype="Int64"),
    )
    assert [tone.feature for tone in tone_columns(table)] == ["fst", "fst_centaur", "mst_us"]


def test_bands_count_where_no_type_is_known():
    table = rows(fst=pd.array([None, None], dtype="Int64"), fst_band=["V-VI", None])
    (tone,) = tone_columns(table)
    assert (tone.feature, tone.codes.tolist()) == ("fst_band", [2, -1])


def test_cells_are_counted_and_empty_ones_named():
    table = rows(
        label=["a", "a", "b", "b", "b"],
        split=["train", "test", "train", "train", "test"],
        fst=pd.array([1, 1, 1, 2, None], dtype="Int64"),
    )
    found = tone_table(table, tone_columns(table)[0], ("a", "b"))
    assert found.groups == ("I", "II", "III", "IV", "V", "VI", "unknown")
    assert found.counts == ((2, 0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 0, 0, 1))
    assert found.test == ((1, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 1))
    assert [(cell.label, cell.group) for cell in found.empty][:2] == [("a", "II"), ("a", "III")]
    assert len(found.empty) == 9
    assert [(cell.label, cell.group) for cell in found.empty_in_test] == [("b", "I"), ("b", "II")]


def test_agreement_by_hand():
    table = rows(
        fst=pd.array([1, 2, 3, 4, None, 6], dtype="Int64"), fst_two=pd.array([1, 3, 3, 6, 2, None], dtype="Int64")
    )
    (found,) = agreements(tone_columns(table))
    assert (found.columns, found.n, found.exact, found.within_one) == (("fst", "fst_two"), 4, 0.5, 0.75)
    a, b = np.array([1, 2, 3, 4]), np.array([1, 3, 3, 6])
    expected = 1 - ((a - b) ** 2).mean() / ((a[:, None] - b[None, :]) ** 2).mean()
    assert found.kappa == pytest.approx(expected, abs=1e-6)


def test_kappa_of_a_constant_column_is_undefined_and_scales_are_not_mixed():
    table = rows(fst=[2, 2], fst_two=[1, 2], mst_us=[1, 10])
    (found,) = agreements(tone_columns(table))
    assert (found.columns, found.kappa) == (("fst", "fst_two"), None)


def flat(light, a, b, n=1):
    rgb = quantise(lab_to_rgb(np.array([light, a, b], dtype=float)))
    return np.broadcast_to(rgb, (n, 32, 32, 3)).copy()


@pytest.mark.parametrize(("light", "a", "b"), [(70.0, 10.0, 15.0), (50.0, 12.0, 18.0), (35.0, 11.0, 14.0)])
def test_the_angle_of_a_flat_skin_is_that_of_its_colour(light, a, b):
    seen = colours(flat(light, a, b))
    assert seen.ita[0] == pytest.approx(np.degrees(np.arctan2(light - 50, b)), abs=2)
    assert seen.ita_n[0] == 1024


def test_colours_are_those_of_the_exact_conversion():
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3), dtype=np.uint8)
    assert np.stack(to_lab(pixels), axis=-1) == pytest.approx(rgb_to_lab(pixels / 255.0), abs=2e-3)


def test_a_dark_lesion_does_not_move_the_angle():
    image = flat(68.0, 10.0, 15.0)
    image[0, 8:24, 8:24] = flat(30.0, 12.0, 14.0)[0, :16, :16]
    assert colours(image).ita[0] == pytest.approx(colours(flat(68.0, 10.0, 15.0)).ita[0], abs=0.5)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_without_colour_of_skin_there_is_no_angle(grey):
    seen = colours(np.full((2, 32, 32, 3), grey, dtype=np.uint8))
    assert np.isnan(seen.ita).all()
    assert seen.ita_n.tolist() == [0, 0]
    assert seen.skin.tolist() == [0, 0]


def test_no_image_has_no_colours():
    seen = colours(np.empty((0, 32, 32, 3), dtype=np.uint8))
    assert seen.ita.shape == seen.ita_n.shape == (0,)


@pytest.mark.parametrize(
    ("scale", "angle", "name"),
    [
        (ITA_SIX, 55.1, "very light"),
        (ITA_SIX, 55.0, "light"),
        (ITA_SIX, 10.0, "brown"),
        (ITA_SIX, -30.0, "dark"),
        (ITA_FIVE, -80.0, "brown"),
        (ITA_FIVE, 10.1, "tan"),
        (ITA_FIVE, 60.0, "very light"),
    ],
)
def test_classes_of_the_angle_include_their_upper_end(scale, angle, name):
    assert scale[1][angle_class(np.array([angle]), scale)[0]] == name


def test_the_angle_is_compared_with_annotated_types_and_with_a_known_angle():
    table = rows(fst=pd.array([1, 2, 3, 4, None], dtype="Int64"))
    ita = pd.Series([60.0, 50.0, 45.0, np.nan, 0.0])
    found = skin_angle(ita, tone_columns(table), pd.Series([58.0, 49.0, 48.0, 1.0, None]))
    (agreement,) = found.tables
    assert (found.n, found.n_without, agreement.n) == (4, 1, 3)
    assert agreement.spearman == pytest.approx(-1)
    assert agreement.median[:4] == (60.0, 50.0, 45.0, None)
    assert agreement.six[0] == (0, 0, 0, 0, 0, 1)
    assert agreement.five[1] == (0, 0, 0, 1, 0)
    assert (found.known.n, found.known.bias, found.known.error) == (3, 0.0, 2.0)
