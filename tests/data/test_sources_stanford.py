"""DDI, DDI-2 and MIDAS, on miniatures with the releases' own columns and spellings."""

import os

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.data.source import Request
from dermbench.data.sources import load_source
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task

from .layouts import LAYOUTS, lay_out, spoil

DDI2_FILE, MIDAS_FILE = "final_DDI2_Asian_spreadsheet.xlsx", "release_midas.xlsx"


def release_of(task, root, **options):
    """Run the source alone: no image is decoded."""
    definition = load_task(task)
    return load_source(definition.source)(Request(definition, root, root / "out", options))


def ddi_table(n=12):
    tones = [("12", "34", "56")[i % 3] for i in range(n)]
    malignant = [("True", "False", "TRUE", "FALSE")[i % 4] for i in range(n)]
    return pd.DataFrame(
        {
            "": [str(i) for i in range(n)],
            "DDI_ID": [str(i + 1) for i in range(n)],
            "DDI_file": [f"{i + 1:06}.png" for i in range(n)],
            "skin_tone": tones,
            "malignant": malignant,
            "disease": [("melanoma-in-situ", "melanocytic-nevi")[i % 2] for i in range(n)],
        }
    )


def ddi2_table(n=12):
    types = ["2", "3", "3, 4", "4", "5", "3"]
    return pd.DataFrame(
        {
            "deidentified_patient_id": [i // 2 + 1 for i in range(n)],
            "more_than_1_photo_for_this_patient": "Y",
            "photo_id": [f"{8570000 + i}_cropped" if i % 3 == 0 else str(8570000 + i) for i in range(n)],
            "fitzpatrick_skin_type": [types[i % 6] for i in range(n)],
            "anatomical_site_detailed": "Right cheek",
            "anatomical_site_general": "Head and Neck",
            "diagnosis_detailed": "x",
            "diagnosis_general": [
                ("Benign keratosis ", "Verruca", "Squamous cell carcinoma")[i % 3] for i in range(n)
            ],
            "dermatological_presentation": "growth",
            "benign/malignant": [("benign", "benign", "malignant ")[i % 3] for i in range(n)],
            "common/uncommon": "common",
            "cropped?": "N",
            "extra_markings": "marker, ruler",
            "sex": ["Female", "Male"] * (n // 2),
            "race": "Asian",
            "ethnicity": "Non-Hispanic",
            "self-described_ethnic_background": None,
            "language": "English",
            "interpreter_needed": "N",
        }
    )


def midas_table(n=12):
    """Three photographs a lesion; the last three are of a control lesion."""
    distance = ("dscope", "6in", "1ft", "n/a - virtual")
    types = (
        "i pale white skin, blue/green eyes, blond/red hair",
        "ii fair skin, blue eyes",
        None,
        "vi dark brown or black skin",
    )
    paths = (
        "malignant- bcc",
        "benign-melanocytic nevus",
        "melanocytic tumor, possible re-excision (severe, spitz, aimp)",
    )
    control = [i >= n - 3 for i in range(n)]
    return pd.DataFrame(
        {
            "": range(n),
            "midas_record_id": [i // 6 + 1 for i in range(n)],
            "midas_file_name": [f"s-prd-{100 + i}.{'jpg' if i % 2 else 'jpeg'}" for i in range(n)],
            "midas_iscontrol": ["yes" if c else "no" for c in control],
            "midas_distance": [distance[i % 4] for i in range(n)],
            "midas_location": [("l cheek", "L  Cheek ", "back")[i // 3 % 3] for i in range(n)],
            "midas_path": [("0", None)[i % 2] if c else paths[i // 3 % 3] for i, c in enumerate(control)],
            "midas_pathreport": "x",
            "midas_gender": "female",
            "midas_age": [50 + i // 6 for i in range(n)],
            "midas_fitzpatrick": [types[i // 3] for i in range(n)],
            "midas_melanoma": "no",
            "midas_ethnicity": "no",
            "midas_race": "white",
            "clinical_impression_1": "7-malignant-bcc",
            "clinical_impression_2": None,
            "clinical_impression_3": None,
            "length_(mm)": 4.5,
            "width_(mm)": 4,
        }
    )


def write(folder, table, name):
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    (table.to_excel if name.endswith("xlsx") else table.to_csv)(folder / name, index=False)


MADE = {
    "ddi": (ddi_table, "ddi_metadata.csv", "DDI_file"),
    "ddi-2": (ddi2_table, DDI2_FILE, "photo_id"),
    "midas": (midas_table, MIDAS_FILE, "midas_file_name"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("task", MADE)
def test_every_layout_is_found(tmp_path, task, layout):
    make, name, key = MADE[task]
    table = make()
    ids = [str(i).rsplit(".", 1)[0] for i in table[key]]
    write(lay_out(tmp_path / "raw", ids, layout), table, name)
    release = release_of(task, tmp_path / "raw")
    assert release.table["path"].notna().all()
    assert len(release.table) + sum(release.left_out.values()) == len(table)


def test_linked_files_and_a_folder_elsewhere_are_read(tmp_path):
    raw = tmp_path / "raw"
    write(lay_out(raw, [f"{i + 1:06}" for i in range(12)], "nested once"), ddi_table(), "ddi_metadata.csv")
    (raw / "images").rename(raw / "store")
    (raw / "images").mkdir()
    for file in (raw / "store").iterdir():
        (raw / "images" / file.name).symlink_to(file)
    assert release_of("ddi", raw).table["path"].notna().all()
    (raw / "store").rename(tmp_path / "elsewhere")
    assert release_of("ddi", raw).table["path"].isna().all()
    elsewhere = release_of("ddi", raw, images=str(tmp_path / "elsewhere"))
    assert elsewhere.table["path"].notna().all()
    assert elsewhere.image_root == tmp_path / "elsewhere"


def test_ddi_has_bands_and_no_single_type(tmp_path):
    write(lay_out(tmp_path / "raw", [f"{i + 1:06}" for i in range(12)], "flat"), ddi_table(), "ddi_metadata.csv")
    manifest = prepare("ddi", root=tmp_path / "raw", out=tmp_path / "out").manifest.set_index("image_id")
    assert manifest["fst"].isna().all()
    assert manifest.loc[["000001.png", "000002.png", "000003.png"], "fst_band"].tolist() == [
        "I-II",
        "III-IV",
        "V-VI",
    ]
    assert manifest["skin_tone"].value_counts().to_dict() == {12: 4, 34: 4, 56: 4}
    assert manifest["label"].tolist()[:4] == ["malignant", "benign", "malignant", "benign"]
    assert set(manifest["disease"]) == {"melanoma-in-situ", "melanocytic-nevi"}
    assert (manifest["malignancy"] == manifest["label"]).all()


def test_a_band_that_ddi_does_not_have_is_unknown_and_said(tmp_path):
    table = spoil(ddi_table(), skin_tone_2="78", skin_tone_3="")
    write(lay_out(tmp_path / "raw", [f"{i + 1:06}" for i in range(12)], "flat"), table, "ddi_metadata.csv")
    dataset = prepare("ddi", root=tmp_path / "raw", out=tmp_path / "out")
    assert dataset.manifest["fst_band"].isna().sum() == 2
    assert "fst_band: 1 unknown, because the table names no band ('78' 1)." in dataset.info.interpreted


def test_ddi_2_keeps_the_text_of_a_range(tmp_path):
    table = ddi2_table()
    write(lay_out(tmp_path / "raw", list(table["photo_id"]), "flat"), table, DDI2_FILE)
    dataset = prepare("ddi-2", root=tmp_path / "raw", out=tmp_path / "out")
    manifest = dataset.manifest
    ranged = manifest["fst_text"] == "3, 4"
    assert ranged.sum() == 2
    assert manifest["fst"][ranged].isna().all()
    assert set(manifest["fst_band"][ranged]) == {"III-IV"}
    assert manifest["fst"].value_counts().to_dict() == {2: 2, 3: 4, 4: 2, 5: 2}
    assert manifest["patient_id"].nunique() == 6
    assert manifest["label"].value_counts().to_dict() == {"benign": 8, "malignant": 4}
    assert any("2 unknown" in said and "'3, 4' 2" in said for said in dataset.info.interpreted)


def test_ddi_2_has_diagnoses_as_classes(tmp_path):
    table = ddi2_table()
    table.loc[1, "diagnosis_general"] = "VERRUCA"
    table.loc[0, "diagnosis_general"] = "Scar "
    write(lay_out(tmp_path / "raw", list(table["photo_id"]), "flat"), table, DDI2_FILE)
    release = release_of("ddi-2", tmp_path / "raw", label="diagnosis_general", min_images="4")
    assert release.classes == ("Squamous cell carcinoma", "Verruca")
    assert release.left_out == {"image of a diagnosis with fewer than 4 images": 4}
    assert release.variant == ("label=diagnosis_general", "min_images=4")
    assert release.interpreted == ("'VERRUCA', 'Verruca' are read as 'Verruca'.",)
    assert release.table.groupby("label")["malignancy"].unique().map(list).to_dict() == {
        "Squamous cell carcinoma": ["malignant"],
        "Verruca": ["benign"],
    }


def test_a_variant_has_a_name_and_a_malignancy_of_its_own(tmp_path):
    table = ddi2_table()
    write(lay_out(tmp_path / "raw", list(table["photo_id"]), "flat"), table, DDI2_FILE)
    options = {"label": "diagnosis_general", "min_images": "1"}
    info = prepare("ddi-2", root=tmp_path / "raw", out=tmp_path / "out", options=options).info
    assert info.task == "ddi-2+label=diagnosis_general+min_images=1"
    assert info.malignancy == {
        "Benign keratosis": "benign",
        "Squamous cell carcinoma": "malignant",
        "Verruca": "benign",
    }


def test_midas_reads_described_types_and_leaves_controls_out(tmp_path):
    table = midas_table()
    write(
        lay_out(tmp_path / "raw", [i.rsplit(".", 1)[0] for i in table["midas_file_name"]], "flat"),
        table,
        MIDAS_FILE,
    )
    release = release_of("midas", tmp_path / "raw")
    assert release.left_out == {"photograph of a control lesion, which has no pathology": 3}
    ours = release.table
    assert ours["fst"].tolist()[::3] == [1, 2, pd.NA]
    assert ours["fst_text"].tolist()[3] == "ii fair skin, blue eyes"
    assert ours["modality"].tolist()[:4] == ["dermoscopic", "clinical", "clinical", "clinical"]
    assert ours["label"].tolist()[::3] == ["malignant-bcc", "benign-melanocytic nevus", "other-melanocytic lesion"]
    assert ours["lesion_id"].tolist()[::3] == ["1_l cheek", "1_l cheek", "2_back"]


def test_a_description_that_the_release_does_not_have_is_unknown(tmp_path):
    table = midas_table()
    table["midas_fitzpatrick"] = table["midas_fitzpatrick"].replace({"ii fair skin, blue eyes": "ii olive"})
    write(
        lay_out(tmp_path / "raw", [i.rsplit(".", 1)[0] for i in table["midas_file_name"]], "flat"),
        table,
        MIDAS_FILE,
    )
    ours = release_of("midas", tmp_path / "raw").table
    assert ours["fst"][3:6].isna().all()
    assert set(ours["fst_text"][3:6]) == {"ii olive"}


@pytest.mark.parametrize(
    ("task", "cells", "problems"),
    [
        (
            "ddi",
            {"DDI_file_3": "000001.png", "DDI_file_4": "", "malignant_5": "perhaps", "malignant_6": ""},
            [
                "no DDI_file in row 4",
                "repeated DDI_file: '000001.png' (row 3)",
                "no label in row 6",
                "'perhaps' (row 5)",
            ],
        ),
        (
            "ddi-2",
            {"photo_id_3": None, "benign/malignant_4": "unsure"},
            ["no photo_id in row 3", "'unsure' (row 4)"],
        ),
        (
            "midas",
            {
                "midas_iscontrol_3": "maybe",
                "midas_distance_4": "2ft",
                "midas_path_5": "acne",
                "midas_record_id_6": None,
            },
            ["not 'maybe' (row 3)", "not '2ft' (row 4)", "'acne' (row 5)", "no midas_record_id in row 6"],
        ),
    ],
)
def test_all_problems_of_a_table_are_named_at_once(tmp_path, task, cells, problems):
    make, name, _ = MADE[task]
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw", spoil(make().astype(object), **cells), name)
    with pytest.raises(InputError) as caught:
        release_of(task, tmp_path / "raw")
    found = "\n".join(caught.value.problems)
    assert [p for p in problems if p not in found] == []


@pytest.mark.parametrize("task", MADE)
def test_missing_columns_are_all_named(tmp_path, task):
    make, name, key = MADE[task]
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw", make().drop(columns=[key, make().columns[-2 if task == "ddi" else 3]]), name)
    with pytest.raises(InputError) as caught:
        release_of(task, tmp_path / "raw")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("ddi", {"label": "disease"}, "no option label; it has images"),
        ("ddi-2", {"label": "detailed"}, "write malignant or diagnosis_general"),
        ("ddi-2", {"min_images": "5"}, "min_images is for --set label=diagnosis_general"),
        ("ddi-2", {"min_images": "0", "label": "diagnosis_general"}, "write a whole number from 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, task, options, message):
    make, name, _ = MADE[task]
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw", make(), name)
    with pytest.raises(UsageError, match=message):
        release_of(task, tmp_path / "raw", **options)


@pytest.mark.parametrize("task", MADE)
def test_an_empty_folder_says_how_to_get_the_release(tmp_path, task):
    with pytest.raises(UsageError, match="research use agreement"):
        release_of(task, tmp_path)


def test_a_table_that_is_a_link_outside_or_a_pipe_is_named(tmp_path):
    (tmp_path / "raw").mkdir()
    write(tmp_path, ddi_table(), "elsewhere.csv")
    (tmp_path / "raw" / "ddi_metadata.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(UsageError, match=r"no ddi_metadata.csv .*ddi_metadata.csv: link that leads outside"):
        release_of("ddi", tmp_path / "raw")
    (tmp_path / "raw" / "ddi_metadata.csv").unlink()
    os.mkfifo(tmp_path / "raw" / "ddi_metadata.csv")
    with pytest.raises(UsageError, match=r"ddi_metadata.csv: pipe"):
        release_of("ddi", tmp_path / "raw")
