"""Exports of a small dataset whose title, classes, ids and columns are hostile."""

import hashlib
import json
import os
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from dermbench.artifacts.duplicates import DuplicatesInfo, write_duplicates
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.cli import app
from dermbench.data.export import export_dataset, format_names
from dermbench.errors import InputError, RegistryError, UsageError

from .conftest import draw

HOSTILE = ("../up", "a|b", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "NA")
TITLE = 'Bad: "title"\n---\n# <script>alert(1)</script> | `code` www.example.org {{x}} %}'
SPLITS = ("train", "train", "val", "test")


def make(root, classes=("mel", "nv", "bcc"), title="Three classes", **columns):
    """Four images a class, two of them in train; a patient has images of all classes in one split."""
    n = 4 * len(classes)
    rows = pd.DataFrame(
        {
            "image_id": [f"img/{i:03}.png" for i in range(n)],
            "path": [f"a/{i:03}.PNG" for i in range(n)],
            "label": [classes[i // 4] for i in range(n)],
            "split": [SPLITS[i % 4] for i in range(n)],
            "fst": pd.array([(1, 6, None, 6)[i % 4] for i in range(n)], dtype="Int64"),
            "patient_id": [f"P{i % 4}" for i in range(n)],
            "age": pd.array([30.5 + i if i else None for i in range(n)], dtype="Float64"),
            **columns,
        }
    )
    places = [draw(root / "images" / path, i) for i, path in enumerate(rows["path"])]
    rows["sha256"] = [file_digest(place) for place in places]
    info = DatasetInfo(
        schema="dermbench.dataset/1",
        task=title.split("\n", maxsplit=1)[0],
        source="table",
        title=title,
        classes=classes,
        image_root="images",
        licence="CC BY 4.0",
        citation="Somebody 2024, see https://example.org/x_y_z",
        left_out={"missing image file": 3},
        interpreted=("label from 'dx'.",),
    )
    return write_dataset(root, info, rows)


@pytest.fixture
def dataset(tmp_path):
    return make(tmp_path / "data")


@pytest.fixture
def hostile(tmp_path):
    columns = {"my col/é": "x", "image": "holiday", "scan_file_name": "y", "image_file": "z"}
    return make(tmp_path / "data", HOSTILE, TITLE, **columns)


def names_under(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}


def test_formats_are_found_by_name(dataset, tmp_path):
    assert format_names() == ["card", "croissant", "imagefolder"]
    with pytest.raises(RegistryError, match="did you mean 'croissant'"):
        export_dataset(dataset, "croisant", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_imagefolder_has_every_image_once_with_its_row(dataset, tmp_path):
    done = export_dataset(dataset, "imagefolder", tmp_path / "out")
    assert done.images == 12
    assert done.said == ()
    table = pd.read_csv(tmp_path / "out" / "metadata.csv", dtype=str)
    assert list(table.columns[:4]) == ["file_name", "image_id", "label", "split"]
    assert "path" not in table
    assert len(table) == 12
    by_id = dataset.manifest.set_index("image_id")
    for row in table.itertuples():
        split, label, file = row.file_name.split("/")
        assert (split, label) == (row.split, row.label)
        place = tmp_path / "out" / row.file_name
        assert file.endswith(".png")
        assert not place.is_symlink()
        assert file_digest(place) == row.sha256 == by_id.loc[row.image_id, "sha256"]
    tables = {"metadata.csv", *(f"{split}/metadata.parquet" for split in ("train", "val", "test"))}
    assert names_under(tmp_path / "out") == {*table["file_name"], *tables}


def test_the_table_of_a_split_has_its_rows_and_types(dataset, tmp_path):
    export_dataset(dataset, "imagefolder", tmp_path / "out")
    whole = pd.read_csv(tmp_path / "out" / "metadata.csv", dtype=str)
    schemas = set()
    for split in ("train", "val", "test"):
        part = pd.read_parquet(tmp_path / "out" / split / "metadata.parquet")
        expected = whole[whole["split"] == split]
        assert (split + "/" + part["file_name"]).tolist() == expected["file_name"].tolist()
        schemas.add(str(pq.read_schema(tmp_path / "out" / split / "metadata.parquet").remove_metadata()))
    assert len(schemas) == 1


def test_hostile_labels_become_folders_inside_and_are_said(hostile, tmp_path):
    done = export_dataset(hostile, "imagefolder", tmp_path / "out" / "deep")
    table = pd.read_csv(tmp_path / "out" / "deep" / "metadata.csv", dtype=str, keep_default_na=False)
    assert set(table["label"]) == set(HOSTILE)
    assert {name.split("/")[1] for name in table["file_name"]} == {
        "_up", "a_b", "_img src=x onerror=alert(1)_", "[x](javascript_alert(1))", "NA",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"deep"}
    assert any("labels as folders" in text and "'../up' is '_up'" in text for text in done.said)
    assert any("columns" in text and "'scan_file_name' is 'scan_file_name_column'" in text for text in done.said)
    assert any("may take 'NA' for a missing label" in text for text in done.said)
    assert "image_column" in table
    assert "image" not in table


def test_images_are_copied_where_there_are_no_hard_links(dataset, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    export_dataset(dataset, "imagefolder", tmp_path / "out")
    image = next((tmp_path / "out" / "train" / "mel").iterdir())
    assert image.stat().st_nlink == 1
    assert image.is_file()


def spoil_change(root):
    draw(root / "images" / "a" / "000.PNG", 99)


def spoil_remove(root):
    (root / "images" / "a" / "000.PNG").unlink()


def spoil_pipe(root):
    (root / "images" / "a" / "000.PNG").unlink()
    os.mkfifo(root / "images" / "a" / "000.PNG")


@pytest.mark.parametrize("spoil", [spoil_change, spoil_remove, spoil_pipe])
@pytest.mark.parametrize("form", ["imagefolder", "croissant"])
def test_an_image_that_is_not_as_prepared_is_refused_and_nothing_is_left(dataset, tmp_path, spoil, form):
    spoil(dataset.root)
    with pytest.raises(InputError, match="1 of 12 images are not as they were prepared") as caught:
        export_dataset(dataset, form, tmp_path / "out")
    assert "000.PNG" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["imagefolder", "croissant", "card"])
def test_an_export_is_replaced_by_the_next(dataset, tmp_path, form):
    export_dataset(dataset, form, tmp_path / "out")
    first = names_under(tmp_path / "out")
    export_dataset(dataset, form, tmp_path / "out")
    assert names_under(tmp_path / "out") == first


def test_all_formats_share_a_folder(dataset, tmp_path):
    for form in ("imagefolder", "croissant", "card"):
        export_dataset(dataset, form, tmp_path / "out")
    assert {"README.md", "croissant.json", "records.parquet", "metadata.csv"} <= names_under(tmp_path / "out")
    with pytest.raises(UsageError, match=r"croissant\.json: describes the images that would be replaced"):
        export_dataset(dataset, "imagefolder", tmp_path / "out")


def test_what_a_killed_export_left_is_removed(dataset, tmp_path):
    left = tmp_path / "out" / ".export-ab12_xyz" / "new" / "train"
    left.mkdir(parents=True)
    (left / "000.png").write_bytes(b"half")
    export_dataset(dataset, "imagefolder", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"metadata.csv", "train", "val", "test"}


@pytest.mark.parametrize("step", range(12))
def test_an_export_that_fails_on_the_way_says_of_nothing_that_it_is_there(dataset, tmp_path, monkeypatch, step):
    out = tmp_path / "out"
    export_dataset(dataset, "croissant", out)
    whole, steps, rename = names_under(out), [], Path.rename

    def failing(self, target):
        steps.append(self)
        if len(steps) == step + 1:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(UsageError, match="No space left on device"):
        export_dataset(dataset, "croissant", out)
    monkeypatch.undo()
    present = names_under(out)
    assert "croissant.json" not in present or present == whole
    if "metadata.csv" in present:
        assert set(pd.read_csv(out / "metadata.csv")["file_name"]) <= present
    assert not list(out.glob(".*"))
    export_dataset(dataset, "croissant", out)
    assert names_under(out) == whole


OTHERS = {
    "train/mel/holiday.jpg": ("imagefolder", "croissant"),
    "val/notes.txt": ("imagefolder", "croissant"),
    "test": ("imagefolder", "croissant"),
    "metadata.csv": ("imagefolder", "croissant"),
    "croissant.json": ("croissant",),
    "records.parquet": ("croissant",),
    "README.md": ("card",),
}


@pytest.mark.parametrize(("name", "form"), [(name, form) for name, forms in OTHERS.items() for form in forms])
def test_files_of_others_are_refused_and_stay(dataset, tmp_path, name, form):
    place = tmp_path / "out" / name
    place.parent.mkdir(parents=True)
    place.write_text("mine, not yours\n")
    with pytest.raises(UsageError, match=re.escape(name)):
        export_dataset(dataset, form, tmp_path / "out")
    assert names_under(tmp_path / "out") == {name}
    assert place.read_text() == "mine, not yours\n"


@pytest.mark.parametrize(
    ("name", "form"), [("train", "imagefolder"), ("metadata.csv", "imagefolder"), ("README.md", "card")]
)
def test_links_are_not_written_through(dataset, tmp_path, name, form):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=name):
        export_dataset(dataset, form, tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("place", ["", "export", "images", "images/a"])
def test_an_export_does_not_go_into_the_dataset(dataset, place):
    with pytest.raises(UsageError, match="belongs to the dataset"):
        export_dataset(dataset, "imagefolder", dataset.root / place)


def test_croissant_describes_what_is_there(hostile, tmp_path):
    export_dataset(hostile, "croissant", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    assert document["@type"] == "sc:Dataset"
    assert document["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert "\n" not in document["name"]
    table, images = document["distribution"]
    data = (tmp_path / "out" / table["contentUrl"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == table["sha256"]
    assert table["contentSize"] == f"{len(data)} B"
    assert images["includes"] == ["train/*/*.png", "val/*/*.png", "test/*/*.png"]
    records = pd.read_parquet(tmp_path / "out" / "records.parquet")
    (record_set,) = document["recordSet"]
    fields = {field["@id"]: field for field in record_set["field"]}
    assert len(fields) == len(record_set["field"]) == len(records.columns) + 1
    assert all(re.fullmatch(r"images/[A-Za-z0-9_.-]+", name) for name in fields)
    columns = [f["source"]["extract"].get("column") for f in fields.values()]
    assert [name for name in columns if name] == list(records.columns)
    assert record_set["key"] == {"@id": "images/image_id"}
    types = {f["source"]["extract"].get("column"): f["dataType"] for f in fields.values()}
    assert (types["fst"], types["age"], types["label"]) == ("sc:Integer", "sc:Float", "sc:Text")
    assert records["image_file"].is_unique
    assert records["file_name"].str.endswith(records["image_file"].iloc[0]).sum() == 1


def test_croissant_says_what_is_known_about_skin_types(dataset, tmp_path):
    export_dataset(dataset, "croissant", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    said = "Images by Fitzpatrick skin type: I 3, II 0, III 0, IV 0, V 0, VI 6, unknown 3 of 12."
    assert document["rai:dataBiases"] == [said]
    assert said in document["description"]
    assert "3 of the release left out: missing image file." in document["rai:dataLimitations"]
    assert document["rai:personalSensitiveInformation"] == [
        "Photographs of patients' skin, with columns fst, age, patient_id."
    ]


def header_of(card):
    """The YAML header; texts in it are JSON strings."""
    _, header, _ = card.split("---\n", maxsplit=2)
    found = {}
    for line in header.splitlines():
        name, _, value = line.partition(": ")
        found[name] = json.loads(value) if value.startswith('"') else value
    return found


def parsed(card):
    return MarkdownIt("commonmark").enable("table").parse(card.split("---\n", maxsplit=2)[2])


def test_the_card_counts_and_names_defects(dataset, tmp_path):
    groups = pd.DataFrame({"image_id": ["img/000.png", "img/003.png"], "group": "img/000.png", "kind": "verified"})
    write_duplicates(dataset.root, groups, DuplicatesInfo(dataset_digest=dataset.info.digest, images=12))
    export_dataset(dataset, "card", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert header_of(card)["pretty_name"] == "Three classes"
    assert header_of(card)["license"] == "cc-by-4.0"
    assert "| mel | 2 | 1 | 1 | 4 |" in card
    assert "| all | 6 | 3 | 3 | 12 |" in card
    assert "| class | I | II | III | IV | V | VI | unknown | all |" in card
    assert "| mel | 1 | 0 | 0 | 0 | 0 | 2 | 1 | 4 |" in card
    assert "| train | 3 | 0 | 0 | 0 | 0 | 3 | 0 | 6 |" in card
    assert "12 of 18 combinations of class and skin type have none" in card
    assert "* The skin type of 3 of 12 images is unknown." in card
    assert "* val has no image of skin type I or VI." in card
    assert "* 1 groups of near-duplicates (2 images) are in more than one split." in card
    assert "* 3 of the release left out: missing image file." in card


def test_a_card_without_skin_types_says_so(tmp_path):
    made = make(tmp_path / "data")
    bare = write_dataset(tmp_path / "data", made.info, made.manifest.drop(columns="fst"))
    export_dataset(bare, "card", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "No skin type is known" in card
    assert "Near-duplicates were not looked for" in card


def test_hostile_texts_stay_text_in_the_card(hostile, tmp_path):
    export_dataset(hostile, "card", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert header_of(card)["pretty_name"].startswith('Bad: "title"')
    assert "\n" not in header_of(card)["pretty_name"]
    tokens = parsed(card)
    inline = [child for token in tokens for child in token.children or []]
    blocks = [token for token in tokens if token.type == "html_block"]
    assert [token.content.strip() for token in blocks] == [
        next(line for line in card.splitlines() if line.startswith("<!--"))
    ]
    assert not [t for t in inline if t.type in {"html_inline", "link_open", "image"}]
    code = [t.content for t in inline if t.type == "code_inline"]
    assert code == [hostile.info.digest]
    cells = [t.content for t in tokens if t.type == "inline"]
    shown = {"".join(c.content for c in t.children) for t in tokens if t.type == "inline"}
    assert set(HOSTILE) <= shown, cells
    rows = card.count("\n| ")
    assert sum(t.type == "tr_open" for t in tokens) == rows


def run(*arguments):
    return CliRunner().invoke(app, ["data", "export", *map(str, arguments)])


def test_the_command_writes_and_says_what(dataset, tmp_path):
    for form, text in (
        ("imagefolder", "metadata.csv, 12 images"),
        ("card", "README.md"),
        ("croissant", "croissant.json"),
    ):
        done = run(dataset.root, "--format", form, "--out", tmp_path / form)
        assert done.exit_code == 0
        assert text in done.output.replace("\n", "")
    done = run(dataset.root, "--format", "card", "--out", tmp_path / "card", "--json")
    assert json.loads(done.stdout)["files"] == [str(tmp_path / "card" / "README.md")]
