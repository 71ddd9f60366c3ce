"""HAM10000 and ISIC 2020 on miniatures: invented values under the releases' columns and spellings."""

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task

from .layouts import LAYOUTS, lay_out, spoil

DX = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
HAM_TABLES = {"HAM10000_metadata": ",", "HAM10000_metadata.csv": ",", "HAM10000_metadata.tab": "\t"}


def ham(n=28):
    """Two images a lesion, one diagnosis a lesion."""
    lesion = [i // 2 for i in range(n)]
    return pd.DataFrame(
        {
            "lesion_id": [f"HAM_{k:07}" for k in lesion],
            "image_id": [f"ISIC_{i:07}" for i in range(n)],
            "dx": [DX[k % 7] for k in lesion],
            "dx_type": [("histo", "follow_up", "consensus", "confocal")[k % 4] for k in lesion],
            "age": [f"{40 + k}.0" if k else "" for k in lesion],
            "sex": [("male", "female", "unknown")[k % 3] for k in lesion],
            "localization": [("back", "unknown", "lower extremity")[k % 3] for k in lesion],
            "dataset": [("vidir_molemax", "vidir_modern", "rosendahl", "vienna_dias")[k % 4] for k in lesion],
        }
    )


def isic_2020(n=24):
    """Four images a patient, one in six a melanoma."""
    melanoma = [i % 6 == 0 for i in range(n)]
    return pd.DataFrame(
        {
            "image_name": [f"ISIC_{i:07}" for i in range(n)],
            "patient_id": [f"IP_{i // 4:07}" for i in range(n)],
            "sex": [("male", "female", "")[i // 4 % 3] for i in range(n)],
            "age_approx": [f"{30 + i}.0" if i % 5 else "" for i in range(n)],
            "anatom_site_general_challenge": [("head/neck", "torso", "")[i % 3] for i in range(n)],
            "diagnosis": ["melanoma" if m else ("unknown", "nevus")[i % 2] for i, m in enumerate(melanoma)],
            "benign_malignant": ["malignant" if m else "benign" for m in melanoma],
            "target": [str(int(m)) for m in melanoma],
        }
    )


def make(root, table, name, layout="flat", separator=","):
    folder = lay_out(root, list(table.iloc[:, table.columns.isin(["image_id", "image_name"]).argmax()]), layout)
    table.to_csv(folder / name, index=False, sep=separator)
    return root


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flat")
    return prepare("ham10000", root=make(folder / "raw", ham(), "HAM10000_metadata"), out=folder / "out")


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "flat"])
def test_every_layout_of_ham10000_is_the_same_dataset(tmp_path, flat, layout):
    root = make(tmp_path / "raw", ham(), "HAM10000_metadata", layout)
    dataset = prepare("ham10000", root=root, out=tmp_path / "out")
    assert len(dataset.manifest) == 28
    assert dataset.manifest.drop(columns="path").equals(flat.manifest.drop(columns="path"))
    assert dataset.info.digest == flat.info.digest


@pytest.mark.parametrize(("name", "separator"), HAM_TABLES.items())
def test_every_name_of_ham10000_s_table_is_read(tmp_path, name, separator):
    root = make(tmp_path / "raw", ham(), name, separator=separator)
    manifest = prepare("ham10000", root=root, out=tmp_path / "out").manifest.set_index("image_id")
    table = ham().set_index("image_id")
    assert (manifest["label"] == table["dx"]).all()
    assert (manifest["lesion_id"] == table["lesion_id"]).all()
    assert (manifest["dx_type"] == table["dx_type"]).all()
    assert (manifest["dataset"] == table["dataset"]).all()
    assert manifest["sex"].isna().sum() == (table["sex"] == "unknown").sum() == 8
    assert manifest["site"].isna().sum() == (table["localization"] == "unknown").sum() == 10
    assert manifest["age"].isna().sum() == 2
    assert set(manifest["modality"]) == {"dermoscopic"}
    assert manifest.groupby("lesion_id")["split"].nunique().max() == 1


def test_ham10000_says_that_malignancy_is_a_convention(tmp_path):
    dataset = prepare("ham10000", root=make(tmp_path / "raw", ham(), "HAM10000_metadata"), out=tmp_path / "out")
    assert {c for c, group in dataset.info.malignancy.items() if group == "malignant"} == {"mel", "bcc", "akiec"}
    assert any("This is a convention" in said for said in dataset.info.interpreted)


def test_ham10000_of_kaggle_lacks_the_column_dataset(tmp_path):
    root = make(tmp_path / "raw", ham().drop(columns="dataset"), "HAM10000_metadata.csv")
    assert "dataset" not in prepare("ham10000", root=root, out=tmp_path / "out").manifest


HAM_FAULTS = {
    "repeated id": ({"image_id_5": "ISIC_0000000"}, ["repeated image_id: 'ISIC_0000000' (row 5)"]),
    "no id": ({"image_id_6": ""}, ["no image_id in row 6"]),
    "unknown label": ({"dx_4": "naevus", "dx_5": "naevus"}, ["'naevus' (rows 4, 5)"]),
    "no label": ({"dx_4": "", "dx_5": ""}, ["no label in rows 4, 5"]),
    "contradictory lesion": (
        {"dx_3": "nv"},
        ["1 lesion_id with more than one dx: 'HAM_0000000 (akiec / nv)' (rows 2, 3)"],
    ),
    "all of it": (
        {"image_id_5": "ISIC_0000000", "image_id_6": "", "dx_3": "nv", "dx_8": "wart", "dx_9": ""},
        ["repeated image_id", "no image_id in row 6", "more than one dx", "'wart' (row 8)", "no label in row 9"],
    ),
}


@pytest.mark.parametrize("fault", HAM_FAULTS)
def test_a_spoilt_table_of_ham10000_is_refused_with_all_that_is_wrong(tmp_path, fault):
    cells, said = HAM_FAULTS[fault]
    root = make(tmp_path / "raw", ham(), "HAM10000_metadata")
    spoil(ham(), **cells).to_csv(root / "HAM10000_metadata", index=False)
    with pytest.raises(InputError) as caught:
        prepare("ham10000", root=root, out=tmp_path / "out")
    assert all(text in str(caught.value) for text in said), str(caught.value)
    assert len(caught.value.problems) == len(said)


MISSING = {
    "ham10000": (ham, "HAM10000_metadata", "image_id", ["dx", "lesion_id"]),
    "isic-2020": (isic_2020, "ISIC_2020_Training_GroundTruth.csv", "image_name", ["target", "patient_id"]),
}


@pytest.mark.parametrize("task", MISSING)
def test_missing_columns_and_wrong_ids_are_in_one_message(tmp_path, task):
    made, name, key, columns = MISSING[task]
    root = make(tmp_path / "raw", made(), name)
    spoil(made(), **{f"{key}_5": made()[key][0]}).drop(columns=columns).to_csv(root / name, index=False)
    with pytest.raises(InputError) as caught:
        prepare(task, root=root, out=tmp_path / "out")
    named = {problem.split(";")[0] for problem in caught.value.problems[:-1]}
    assert named == {f"no column {column}" for column in columns}
    assert caught.value.problems[-1].startswith(f"repeated {key}")


@pytest.mark.parametrize("task", MISSING)
def test_a_missing_image_is_named_or_counted_and_moves_no_other(tmp_path, task):
    made, name, key, _ = MISSING[task]
    root = make(tmp_path / "raw", made(), name)
    whole = prepare(task, root=root, out=tmp_path / "whole").manifest.set_index("image_id")
    lost = made()[key][3]
    (root / f"{lost}.jpg").unlink()
    with pytest.raises(InputError, match=rf"1 of {len(made())} images are missing: '{lost}'"):
        prepare(task, root=root, out=tmp_path / "out")
    part = prepare(task, root=root, out=tmp_path / "out", allow_missing=True)
    assert part.info.left_out == {"missing image file": 1}
    assert lost not in set(part.manifest["image_id"])
    assert set(part.manifest["image_id"]) == set(whole.index) - {lost}


@pytest.mark.parametrize("task", MISSING)
def test_no_table_is_refused_with_where_to_get_the_release(tmp_path, task):
    (tmp_path / "raw").mkdir()
    with pytest.raises(UsageError, match=r"no .* there or up to 2 folders down") as caught:
        prepare(task, root=tmp_path / "raw", out=tmp_path / "out")
    assert load_task(task).homepage in str(caught.value)


@pytest.mark.parametrize("layout", ["flat", "nested twice", "parts"])
def test_isic_2020_takes_target_and_keeps_diagnosis(tmp_path, layout):
    root = make(tmp_path / "raw", isic_2020(), "ISIC_2020_Training_GroundTruth.csv", layout)
    dataset = prepare("isic-2020", root=root, out=tmp_path / "out")
    manifest, table = dataset.manifest.set_index("image_id"), isic_2020().set_index("image_name")
    assert (manifest["label"] == table["benign_malignant"]).all()
    assert manifest["label"].value_counts().to_dict() == {"benign": 20, "malignant": 4}
    assert (manifest["malignancy"] == manifest["label"]).all()
    assert (manifest["diagnosis"] == table["diagnosis"]).all()
    assert manifest["site"].isna().sum() == 8
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert any("duplicates" in said for said in dataset.info.interpreted)


@pytest.mark.parametrize("name", ["train.csv", "ISIC_2020_Training_GroundTruth_v2.csv"])
def test_isic_2020_s_table_has_other_names(tmp_path, name):
    root = make(tmp_path / "raw", isic_2020(), name)
    assert len(prepare("isic-2020", root=root, out=tmp_path / "out").manifest) == 24


def test_diagnosis_does_not_win_over_target(tmp_path):
    root = make(tmp_path / "raw", spoil(isic_2020(), diagnosis_3="melanoma"), "train.csv")
    dataset = prepare("isic-2020", root=root, out=tmp_path / "out")
    assert dataset.manifest.set_index("image_id")["label"]["ISIC_0000001"] == "benign"
    assert "The label is target, although diagnosis says otherwise in 1 rows." in dataset.info.interpreted


def test_a_spoilt_table_of_isic_2020_is_refused_with_all_that_is_wrong(tmp_path):
    table = spoil(
        isic_2020(), image_name_5="ISIC_0000000", benign_malignant_3="malignant", target_9="2", target_10=""
    )
    root = make(tmp_path / "raw", isic_2020(), "train.csv")
    table.to_csv(root / "train.csv", index=False)
    with pytest.raises(InputError) as caught:
        prepare("isic-2020", root=root, out=tmp_path / "out")
    assert caught.value.problems == (
        "repeated image_name: 'ISIC_0000000' (row 5)",
        "benign_malignant contradicts target: 'ISIC_0000001' (row 3)",
        "no label in row 10",
        "labels that isic-2020 does not have: '2' (row 9)",
    )
