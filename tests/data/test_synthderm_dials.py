"""Dials and plan of the synthetic dataset: quotas, independence, noise of known size."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dermbench.data.synth.dials import FITZPATRICK17K, Dials, read_dials
from dermbench.data.synth.morphology import MORPHOLOGIES
from dermbench.data.synth.plan import plan_shots, share_out
from dermbench.data.synth.table import make_table
from dermbench.errors import InputError

CLASSES = tuple(MORPHOLOGIES)
DOC = Path(__file__).parents[2] / "docs" / "reference" / "synthderm.md"


def table(**options):
    dials = Dials(**options)
    return make_table(plan_shots(dials, CLASSES), dials, CLASSES)


def test_texts_are_read_and_defaults_are_equal():
    dials = read_dials({"images": "60", "fade": "0.5", "reveal_duplicates": "true", "seed": "7"})
    assert (dials.images, dials.fade, dials.reveal_duplicates, dials.seed) == (60, 0.5, True, 7)
    dials = read_dials({})
    assert [dials.contrast_of(t) for t in range(1, 7)] == [1.0] * 6
    assert [dials.label_noise_of(t) for t in range(1, 7)] == [0.0] * 6
    assert dials.fst_shares() == pytest.approx([1 / 6] * 6)
    assert dials.class_shares(10) == pytest.approx([0.1] * 10)


def test_all_wrong_options_in_one_message():
    with pytest.raises(InputError) as caught:
        read_dials({"fad": "1", "size": "big", "hair": "-1", "noise": "nan", "zzz": "0"})
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    assert "unknown option 'fad'; did you mean 'fade'?" in text
    assert "unknown option 'zzz'" in text
    for name in ("size", "hair", "noise"):
        assert f"{name} = " in text


@pytest.mark.parametrize("options", [{"label_noise": 0.6, "label_noise_dark": 0.5}, {"images": 0}, {"seed": -1}])
def test_impossible_dials_are_refused(options):
    with pytest.raises(InputError):
        read_dials(options)


def test_fade_multiplies_contrast_as_documented():
    dials = Dials(fade=0.8, contrast=0.5)
    assert [dials.contrast_of(t) for t in range(1, 7)] == pytest.approx([0.5, 0.42, 0.34, 0.26, 0.18, 0.1])
    assert Dials(fade=1).contrast_of(6) == 0.0


def test_defaults_give_equal_types_and_classes_independent_of_type():
    rows = table()
    assert len(rows) == 1200
    assert rows["image_id"].is_unique
    assert rows["fst"].value_counts().tolist() == [200] * 6
    lesions = rows.drop_duplicates("lesion_id")
    counts = lesions.groupby("fst")["label"].value_counts().unstack()
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1
    assert (rows["label"] == rows["label_clean"]).all()
    assert (rows["fst"] == rows["fst_centaur"]).all()
    assert rows["planted_duplicate_of"].isna().all()
    assert "duplicate_group" not in rows
    assert "split" not in rows


def test_patients_have_one_skin_and_few_lesions_and_ids_say_nothing():
    rows = table()
    by_patient, by_lesion = rows.groupby("patient_id"), rows.groupby("lesion_id")
    for name in ("fst", "ita", "sex", "age"):
        assert (by_patient[name].nunique() == 1).all()
    for name in ("label_clean", "site", "patient_id"):
        assert (by_lesion[name].nunique() == 1).all()
    assert set(by_lesion.size()) == {1, 2, 3}
    assert set(by_patient["lesion_id"].nunique()) == {1, 2}
    order = np.arange(len(rows))
    assert abs(np.corrcoef(order, rows["fst"].astype(int))[0, 1]) < 0.1
    assert abs(np.corrcoef(order, rows["label"].map(CLASSES.index))[0, 1]) < 0.1


def test_ita_lies_in_the_range_of_its_type():
    ranges = {1: (55, 90), 2: (41, 55), 3: (28, 41), 4: (10, 28), 5: (-30, 10), 6: (-90, -30)}
    for fst, rows in table(images=600).groupby("fst"):
        assert rows["ita"].between(*ranges[fst]).all()


@pytest.mark.parametrize("images", [1, 2, 5, 7, 61])
def test_small_sets_have_exactly_the_number_asked_for(images):
    rows = table(images=images, planted_duplicates=1.0)
    assert len(rows) == 2 * images
    assert rows["fst"].value_counts().max() - rows["fst"].value_counts().min() <= 2


def test_imbalance_follows_its_shares():
    full = table(images=3600, fst_imbalance=1)["fst"].value_counts().sort_index()
    assert np.abs(full - 3600 * np.array(FITZPATRICK17K) / sum(FITZPATRICK17K)).max() <= 1
    half = table(images=3600, fst_imbalance=0.5)["fst"].value_counts().sort_index()
    assert np.abs(half - (full + 600) / 2).max() <= 1
    lesions = table(images=3600, class_imbalance=1).drop_duplicates("lesion_id")["label"].value_counts()
    assert lesions[CLASSES[0]] / lesions[CLASSES[-1]] == pytest.approx(10, rel=0.1)


def test_shares_sum_and_round_to_within_one():
    rng = np.random.default_rng(0)
    for total in (0, 1, 10, 997):
        shares = rng.dirichlet(np.ones(7))
        counts = share_out(total, shares, rng)
        assert sum(counts) == total
        assert np.abs(np.array(counts) - total * shares).max() < 1


def test_a_dial_leaves_all_other_draws_alone():
    plain, turned = (
        table(images=240),
        table(images=240, label_noise=0.3, annotator_disagreement=0.4, fade=0.7, planted_duplicates=0.1),
    )
    same = [c for c in plain if c not in {"label", "fst_centaur", "lesion_contrast"}]
    assert plain[same].equals(turned[same].iloc[:240])
    assert (plain["label"] != turned["label"][:240]).any()


def test_label_noise_has_the_dialled_rate_by_type_and_one_error_a_lesion():
    rows = table(images=9000, label_noise=0.1, label_noise_dark=0.2)
    lesions = rows.drop_duplicates("lesion_id")
    wrong = lesions["label"] != lesions["label_clean"]
    for fst, flags in wrong.groupby(lesions["fst"]):
        rate = 0.3 if fst >= 5 else 0.1
        assert abs(flags.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / len(flags))
    assert (rows.groupby("lesion_id")["label"].nunique() == 1).all()
    confused = lesions[wrong & (lesions["label_clean"] == "plaque")]["label"].value_counts()
    assert set(confused.index) == set(CLASSES) - {"plaque"}


def test_the_second_annotator_is_one_off_at_the_dialled_rate():
    rows = table(images=6000, annotator_disagreement=0.25)
    off = (rows["fst_centaur"] - rows["fst"]).astype(int)
    assert set(off) == {-1, 0, 1}
    assert rows["fst_centaur"].between(1, 6).all()
    for _, values in off.groupby(rows["fst"]):
        assert abs((values != 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(values))


def test_planted_duplicates_hide_unless_revealed():
    hidden, shown = (table(images=200, planted_duplicates=0.1, reveal_duplicates=r) for r in (False, True))
    copies = hidden[hidden["planted_duplicate_of"].notna()]
    originals = hidden.set_index("image_id").loc[copies["planted_duplicate_of"]]
    assert len(copies) == 20
    assert set(copies["planted_edit"]) == {"reencoded", "cropped", "flipped", "brightened"}
    for name in ("fst", "label_clean", "ita", "sex", "age", "site"):
        assert copies[name].tolist() == originals[name].tolist()
    for name in ("patient_id", "lesion_id"):
        assert set(copies[name]).isdisjoint(hidden[name][:200])
    groups = shown.groupby("duplicate_group")["image_id"].apply(set)
    assert len(groups) == 20
    assert groups.map(len).tolist() == [2] * 20
    assert shown.drop(columns="duplicate_group").equals(hidden)


def test_seed_changes_the_plan():
    assert not table(images=60, seed=1).equals(table(images=60, seed=2))


def test_the_documentation_lists_every_dial_with_its_default():
    listed = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", DOC.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert listed == {name: f"{field.default}".lower() for name, field in Dials.model_fields.items()}
