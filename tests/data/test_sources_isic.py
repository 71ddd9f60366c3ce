"""Collections of the ISIC archive on a miniature: invented values under the archive's columns and spellings."""

import pandas as pd
import pytest

from dermbench.data import prepare
from dermbench.data.source import Request
from dermbench.data.sources import load_source
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task

from .layouts import LAYOUTS, lay_out, spoil

TABLE = "hiba-skin-lesions_metadata_2025-05-22.csv"
LEVELS = (
    ("Benign", "Benign melanocytic proliferations", "Nevus", "Nevus, NOS, Compound"),
    ("Malignant", "Malignant melanocytic proliferations (Melanoma)", "Melanoma, NOS", ""),
    ("Indeterminate", "Indeterminate epidermal proliferations", "Solar or actinic keratosis", ""),
    ("Benign", "Benign soft tissue proliferations - Vascular", "", ""),
)
ATTRIBUTIONS = {
    "hiba": "Hospital Italiano de Buenos Aires",
    "bcn20000": "Hospital Clínic de Barcelona",
    "derm12345": "Imperial College London",
    "mskcc": "Memorial Sloan Kettering Cancer Center",
}


def collection(task="hiba", n=32):
    """Two images a lesion, the second a clinical one; two lesions a patient; four kinds of lesion."""
    lesion = [i // 2 for i in range(n)]
    kind = [LEVELS[k % 4] for k in lesion]
    table = pd.DataFrame(
        {
            "isic_id": [f"ISIC_{i:07}" for i in range(n)],
            "attribution": ATTRIBUTIONS[task],
            "copyright_license": ["CC-BY" if k % 3 else "CC-0" for k in lesion],
            "age_approx": [str(5 * (k % 17)) if k else "" for k in lesion],
            "anatom_site_general": [("anterior torso", "head/neck", "")[k % 3] for k in lesion],
            "anatom_site_special": "",
            "benign_malignant": [
                {"Benign": "benign", "Malignant": "", "Indeterminate": "benign"}[levels[0]] for levels in kind
            ],
            "concomitant_biopsy": "True",
            **{f"diagnosis_{level + 1}": [levels[level] for levels in kind] for level in range(4)},
            "diagnosis_confirm_type": "histopathology",
            "fitzpatrick_skin_type": [("I", "II", "III", "")[k // 2 % 4] for k in lesion],
            "image_type": [
                ("dermoscopic", ("clinical: overview", "clinical: close-up")[i // 2 % 2])[i % 2] for i in range(n)
            ],
            "lesion_id": [f"IL_{k:07}" for k in lesion],
            "patient_id": [f"IP_{k // 2:07}" for k in lesion],
            "sex": [("female", "male", "")[k // 2 % 3] for k in lesion],
        }
    )
    lacking = {
        "hiba": [],
        "bcn20000": ["patient_id", "fitzpatrick_skin_type", "diagnosis_4"],
        "derm12345": ["lesion_id", "benign_malignant", "age_approx", "sex", "fitzpatrick_skin_type"],
        "mskcc": ["lesion_id", "patient_id", "fitzpatrick_skin_type"],
    }
    return table.drop(columns=lacking[task])


def make(root, table, layout="flat", name=TABLE):
    table.to_csv(lay_out(root, list(table["isic_id"]), layout) / name, index=False)
    return root


def read(root, rows, task="hiba", **options):
    """Return what the source makes of a table, without images."""
    root.mkdir(exist_ok=True)
    rows.to_csv(root / TABLE, index=False)
    definition = load_task(task)
    return load_source("isic")(Request(definition, root, root / "out", {**definition.settings, **options}))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_a_collection_is_read(tmp_path, layout):
    name = "metadata.csv" if layout == "flat" else TABLE
    dataset = prepare("hiba", root=make(tmp_path / "raw", collection(), layout, name), out=tmp_path / "out")
    manifest, table = dataset.manifest.set_index("image_id"), collection().set_index("isic_id")
    assert (manifest["label"] == table["diagnosis_1"]).all()
    assert (manifest["licence"] == table["copyright_license"]).all()
    assert (manifest["modality"] == table["image_type"].str.split(":").str[0]).all()
    assert manifest["fst"].fillna(0).tolist() == table["fitzpatrick_skin_type"].str.len().tolist()
    assert (manifest["malignancy"] == table["diagnosis_1"].str.lower()).all()
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
    assert dataset.info.task == "hiba"
    assert any("hiba was published" in said for said in dataset.info.interpreted)


@pytest.mark.parametrize("task", ATTRIBUTIONS)
def test_every_collection_has_a_task(tmp_path, task):
    table = collection(task)
    dataset = prepare(task, root=make(tmp_path / "raw", table), out=tmp_path / "out")
    assert dataset.classes == ("Benign", "Indeterminate", "Malignant")
    assert dataset.info.malignancy == {c: c.lower() for c in dataset.classes}
    assert len(dataset.manifest) == len(table)
    assert ("fst" in dataset.manifest) == (task == "hiba")


def test_malignancy_is_that_of_diagnosis_1_and_disagreement_is_counted(tmp_path):
    found = read(tmp_path / "raw", collection())
    assert found.table["malignancy"].value_counts().to_dict() == {"benign": 16, "malignant": 8, "indeterminate": 8}
    assert " ".join(found.interpreted) == (
        "Malignancy is that of diagnosis_1. The column benign_malignant is empty in 8 rows that diagnosis_1 calls "
        "Malignant. The column benign_malignant says otherwise in 8 rows."
    )


def test_rows_without_a_label_are_counted(tmp_path):
    table = collection()
    levels = [f"diagnosis_{level}" for level in (1, 2, 3, 4)]
    table.loc[table["lesion_id"].isin(["IL_0000000", "IL_0000001"]), levels] = ""
    found = read(tmp_path / "raw", table)
    assert found.left_out == {"no diagnosis_1": 4}
    assert len(found.table) == 28
    assert list(found.table.index) == list(range(28))


OPTIONS = {
    "label=diagnosis_2": (32, {}),
    "label=diagnosis_3": (24, {"no diagnosis_3": 8}),
    "label=leaf": (32, {}),
    "image_type=clinical": (16, {"image_type other than clinical": 16}),
    "image_type=clinical: overview": (8, {"image_type other than clinical: overview": 24}),
    "image_type=Dermoscopic": (16, {"image_type other than Dermoscopic": 16}),
    "min_images=10": (16, {"class with fewer than 10 images": 16}),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_makes_a_variant_with_its_own_name(tmp_path, option):
    images, left_out = OPTIONS[option]
    name, value = option.split("=")
    found = read(tmp_path / "raw", collection(), **{name: value})
    assert len(found.table) == images
    assert found.left_out == left_out
    assert found.variant == (option,)
    assert set(found.table["label"]) <= set(found.classes)


def test_a_variant_is_named_after_its_label_and_has_its_own_malignancy(tmp_path):
    root = make(tmp_path / "raw", collection())
    dataset = prepare("hiba", root=root, out=tmp_path / "out", options={"label": "diagnosis_3"})
    assert dataset.info.task == "hiba+label=diagnosis_3"
    assert dataset.classes == ("Melanoma, NOS", "Nevus", "Solar or actinic keratosis")
    assert dataset.info.malignancy == {
        "Melanoma, NOS": "malignant",
        "Nevus": "benign",
        "Solar or actinic keratosis": "indeterminate",
    }
    assert not any("published" in said for said in dataset.info.interpreted)


def test_the_leaf_is_the_deepest_level(tmp_path):
    found = read(tmp_path / "raw", collection(), label="leaf")
    assert found.classes == (
        "Benign soft tissue proliferations - Vascular",
        "Melanoma, NOS",
        "Nevus, NOS, Compound",
        "Solar or actinic keratosis",
    )


def test_a_collection_without_a_task_is_read_too(tmp_path):
    root = make(tmp_path / "raw", collection("bcn20000"))
    dataset = prepare(
        "isic", root=root, out=tmp_path / "out", options={"label": "diagnosis_1", "licence": "CC BY"}
    )
    assert dataset.classes == ("Benign", "Indeterminate", "Malignant")
    assert dataset.info.task == "raw"
    assert dataset.info.licence == "CC BY"


FAULTS = {
    "repeated id": ({"isic_id_5": "ISIC_0000000"}, ["repeated isic_id: 'ISIC_0000000' (row 5)"]),
    "no id": ({"isic_id_5": ""}, ["no isic_id in row 5"]),
    "unknown label": (
        {"diagnosis_1_4": "Bad", "diagnosis_1_5": "Bad"},
        ["values of diagnosis_1 that are none of Benign, Malignant, Indeterminate: 'Bad' (rows 4, 5)"],
    ),
    "another collection": (
        {"attribution_6": "Anonymous"},
        ["attributed to 'Anonymous' (row 6), not to 'Hospital Italiano de Buenos Aires'"],
    ),
    "lesion of two patients": (
        {"patient_id_3": "IP_9"},
        ["1 lesion_id with more than one patient_id: 'IL_0000000 (IP_0000000 / IP_9)' (rows 2, 3)"],
    ),
    "contradictory lesion": (
        {"diagnosis_1_3": "Malignant"},
        ["1 lesion_id with more than one diagnosis_1: 'IL_0000000 (Benign / Malignant)' (rows 2, 3)"],
    ),
    "all of it": (
        {"isic_id_5": "ISIC_0000000", "diagnosis_1_8": "Bad", "attribution_6": "x", "patient_id_3": "IP_9"},
        ["repeated isic_id", "none of Benign", "attributed to", "one diagnosis_1", "more than one patient_id"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_spoilt_collection_is_refused_with_all_that_is_wrong(tmp_path, fault):
    cells, said = FAULTS[fault]
    with pytest.raises(InputError) as caught:
        read(tmp_path / "raw", spoil(collection(), **cells))
    assert all(text in str(caught.value) for text in said), str(caught.value)
    assert len(caught.value.problems) == len(said)


def test_missing_columns_and_wrong_ids_are_in_one_message(tmp_path):
    table = spoil(collection(), isic_id_5="ISIC_0000000").drop(columns=["diagnosis_1", "image_type"])
    with pytest.raises(InputError) as caught:
        read(tmp_path / "raw", table)
    named = [problem.split(";")[0] for problem in caught.value.problems]
    assert named == ["no column diagnosis_1", "no column image_type", "repeated isic_id: 'ISIC_0000000' (row 5)"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "diagnosis_9"}, "write diagnosis_1, diagnosis_2, diagnosis_3, diagnosis_4 or leaf"),
        ({"image_type": "xray"}, "no such image; the table has 'dermoscopic'"),
        ({"min_images": "many"}, "--set min_images=many"),
    ],
)
def test_a_wrong_option_is_refused_with_what_it_can_be(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path / "raw", collection(), **options)


def test_a_class_alone_is_refused(tmp_path):
    table = collection().assign(diagnosis_2="Nevus")
    with pytest.raises(InputError, match="needs at least 2 classes, found 'Nevus'"):
        read(tmp_path / "raw", table, label="diagnosis_2")


def test_two_tables_are_not_chosen_between(tmp_path):
    (tmp_path / "raw").mkdir()
    collection("bcn20000").to_csv(tmp_path / "raw" / "bcn20000_metadata_2025-05-22.csv", index=False)
    with pytest.raises(UsageError, match=r"2 tables could be that of hiba") as caught:
        read(tmp_path / "raw", collection())
    assert "--set table=FILE" in str(caught.value)
    assert len(read(tmp_path / "raw", collection(), table=TABLE).table) == 32


def test_an_image_that_is_missing_moves_no_other(tmp_path):
    root = make(tmp_path / "raw", collection())
    whole = prepare("hiba", root=root, out=tmp_path / "a").manifest.set_index("image_id")["split"]
    (root / "ISIC_0000003.jpg").unlink()
    with pytest.raises(InputError, match="1 of 32 images are missing: 'ISIC_0000003'"):
        prepare("hiba", root=root, out=tmp_path / "b")
    part = prepare("hiba", root=root, out=tmp_path / "b", allow_missing=True)
    assert part.info.left_out == {"missing image file": 1}
    assert part.manifest.set_index("image_id")["split"].equals(whole.drop("ISIC_0000003"))
