"""SCIN, on a miniature with the release's own columns and spellings."""

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.data.scin_labels import TIE, top_conditions
from dermbench.errors import InputError, UsageError

from .layouts import LAYOUTS, lay_out
from .test_sources_stanford import release_of

WEIGHTS = (
    "{'Eczema': 1.0}",
    "{'Tinea': 0.67, 'Eczema': 0.33}",
    "{'Urticaria': 0.5, 'Insect Bite': 0.5}",
    "{}",
    "{'Rosacea': 1.0}",
)


def scin_tables(n=20):
    """Case i has i % 3 + 1 images; the first images of the cases 0 and 5 are one file."""
    ids = [str(-1000 - i) for i in range(n)]
    paths = [[f"dataset/images/-{10 * i + k}.png" if k <= i % 3 else "" for i in range(n)] for k in range(3)]
    paths[0][5] = paths[0][0]
    cases = pd.DataFrame(
        {
            "case_id": ids,
            "source": "SCIN",
            "age_group": ["AGE_UNKNOWN", "AGE_18_TO_29"] * (n // 2),
            "sex_at_birth": ["OTHER_OR_UNSPECIFIED", "FEMALE"] * (n // 2),
            "fitzpatrick_skin_type": [("FST3", "", "NONE_IDENTIFIED", "FST6")[i % 4] for i in range(n)],
            "body_parts_arm": "YES",
            **{f"image_{k + 1}_path": paths[k] for k in range(3)},
            **{f"image_{k + 1}_shot_type": "CLOSE_UP" for k in range(3)},
        }
    )
    labels = pd.DataFrame(
        {
            "case_id": ids[::-1],
            "weighted_skin_condition_label": [WEIGHTS[i % 5] for i in range(n)][::-1],
            **{
                f"dermatologist_fitzpatrick_skin_type_label_{k}": ["FST2" if k == 1 else "FST4"] * (n - 1) + [""]
                for k in (1, 2, 3)
            },
            "monk_skin_tone_label_india": "2.0",
            "monk_skin_tone_label_us": ["10.0"] * (n - 1) + [""],
        }
    )
    return cases, labels


def make(root, layout="nested twice"):
    cases, labels = scin_tables()
    ids = sorted(
        {p.rsplit("/", 1)[1].removesuffix(".png") for k in (1, 2, 3) for p in cases[f"image_{k}_path"] if p}
    )
    folder = lay_out(root, ids, layout)
    cases.to_csv(folder / "scin_cases.csv", index=False)
    labels.to_csv(folder / "scin_labels.csv", index=False)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found(tmp_path, layout):
    make(tmp_path / "raw", layout)
    assert release_of("scin", tmp_path / "raw").table["path"].notna().all()


def test_only_a_single_top_condition_is_a_label_and_the_rest_is_counted(tmp_path):
    make(tmp_path / "raw")
    release = release_of("scin", tmp_path / "raw")
    # of every five cases: a label, a label, a tie, none, a condition that is no class: 7, 8, 9, 7 and 8 images
    assert release.left_out == {
        "image of a case without a dermatologist's label": 7,
        "image of a case in which several conditions have the largest weight": 9,
        "image of a condition with fewer than 50 images": 8,
    }
    assert release.table["label"].value_counts().to_dict() == {"Tinea": 8, "Eczema": 7}
    weights = release.table.groupby("label")["weighted_skin_condition_label"].unique().map(list).to_dict()
    assert weights == {"Eczema": [WEIGHTS[0]], "Tinea": [WEIGHTS[1]]}
    assert release.variant == ()


def test_min_images_makes_the_classes_anew(tmp_path):
    make(tmp_path / "raw")
    release = release_of("scin", tmp_path / "raw", min_images="8")
    assert release.classes == ("Rosacea", "Tinea")
    assert release.variant == ("min_images=8",)


@pytest.mark.parametrize(("whose", "known"), [("derm", "fst_derm1"), ("self", "fst_self")])
def test_every_tone_keeps_its_source_and_none_are_merged(tmp_path, whose, known):
    make(tmp_path / "raw")
    release = release_of("scin", tmp_path / "raw", fst=whose)
    table = release.table
    assert table["fst"].equals(table[known].rename("fst"))
    assert known in release.interpreted[0]
    first = table.set_index("image_id").loc["-1000_1"]
    assert (first["fst_self"], first["fst_derm2"], first["mst_india"]) == (3, pd.NA, 2)
    second = table.set_index("image_id").loc["-1001_2"]
    assert (second["fst_self"], second["fst_derm1"], second["fst_derm2"], second["mst_us"]) == (pd.NA, 2, 4, 10)
    assert set(table["age_group"].dropna()) == {"AGE_18_TO_29"}


def test_a_photograph_of_two_cases_is_one_duplicate_group_in_one_split(tmp_path):
    make(tmp_path / "raw")
    manifest = prepare("scin", root=tmp_path / "raw", out=tmp_path / "out").manifest
    shared = manifest[manifest["duplicate_group"].notna()]
    assert set(shared["image_id"]) == {"-1000_1", "-1005_1"}
    assert len(set(shared["duplicate_group"])) == 1
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert len(set(shared["split"])) == 1


def test_all_problems_of_the_cases_are_named_at_once(tmp_path):
    folder = make(tmp_path / "raw", "flat")
    cases, labels = scin_tables()
    cases.loc[3, "case_id"] = cases.loc[2, "case_id"]
    cases.loc[6, ["image_1_path", "image_2_path", "image_3_path"]] = ""
    cases.to_csv(folder / "scin_cases.csv", index=False)
    labels[:-1].to_csv(folder / "scin_labels.csv", index=False)
    with pytest.raises(InputError) as caught:
        release_of("scin", tmp_path / "raw")
    found = "\n".join(caught.value.problems)
    assert "repeated case_id: '-1002' (row 5)" in found
    assert "no path of an image in row 8" in found
    assert "1 cases of scin_cases.csv are not in scin_labels.csv: '-1000'" in found
    assert "1 cases of scin_labels.csv are not in scin_cases.csv: '-1003'" in found


@pytest.mark.parametrize(
    "cell",
    [
        "Eczema",
        "['Eczema']",
        "{'Eczema': 'much'}",
        "{'Eczema': -1}",
        "{'Eczema': 1e999}",
        "{1: 1.0}",
        "{'a': 1",
        "[" * 9000,
    ],
)
def test_a_cell_that_is_no_dictionary_of_weights_is_named(cell):
    _, problems = top_conditions(pd.Series(["{'a': 1.0}", cell, None], dtype="string"))
    assert len(problems) == 1
    assert problems[0].endswith("(row 3)")


def test_ties_and_empty_dictionaries_are_no_condition():
    labels, problems = top_conditions(
        pd.Series(["{'a': 0.4, 'b': 0.4, 'c': 0.2}", "{}", None, "{' b ': 1}"], dtype="string")
    )
    assert problems == []
    assert labels.tolist() == [TIE, pd.NA, pd.NA, "b"]


@pytest.mark.parametrize("options", [{"fst": "merged"}, {"label": "all"}, {"min_images": "many"}])
def test_options_that_do_not_fit_are_refused(tmp_path, options):
    make(tmp_path / "raw", "flat")
    with pytest.raises(UsageError, match="write "):
        release_of("scin", tmp_path / "raw", **options)
