"""Croissant 1.0 of MLCommons, with responsible-AI properties: ``croissant.json`` beside the images it describes.

The images lie as in the format ``imagefolder``; ``records.parquet`` is the manifest with the name of each file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.files import write_json
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.outputs import sole_writer
from dermbench.artifacts.tables import write_table
from dermbench.data.export.documents import refuse_other_document
from dermbench.data.export.facts import defects, homepage, licence_url, reading, tone_sentence
from dermbench.data.export.format import EXPORTS, Exported
from dermbench.data.export.staging import (
    CROISSANT,
    IMAGE_FILE,
    RECORDS,
    refuse_other_records,
    refuse_others,
    staged,
)
from dermbench.data.export.tree import FILE_NAME, METADATA, Tree, free_name, plan_tree, write_tree
from dermbench.errors import printable

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

    from dermbench.artifacts.manifest import Dataset

MARK = "dermbench data export --format croissant"
CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
CONTEXT: dict[str, JsonValue] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
ABOUT = {
    FILE_NAME: "Path of the image, relative to croissant.json.",
    IMAGE_FILE: "Name of the image's file without its folder.",
    "image_id": "Id of the image.",
    "label": "Class.",
    "split": "train, val or test.",
    "sha256": "Hash of the image file.",
    "fst": "Fitzpatrick skin type, 1 to 6.",
    "fst_band": "Band of two Fitzpatrick skin types.",
    "patient_id": "Patient: images of one patient are not independent.",
    "lesion_id": "Lesion: images of one lesion are not independent.",
    "duplicate_group": "Images that show the same photograph.",
    "malignancy": "Group of the class.",
    "modality": "clinical or dermoscopic.",
}


@EXPORTS.register("croissant")
def croissant(dataset: Dataset, out: Path) -> Exported:
    """Write the images, the table of records, and the description."""
    tree = plan_tree(dataset)
    names = (CROISSANT, RECORDS)
    with sole_writer(out, ("export", *SPLITS, METADATA, *names)):
        refuse_others(out, tree)
        refuse_other_document(out / CROISSANT, MARK)
        refuse_other_records(out / RECORDS)
        with staged(out) as folder:
            write_tree(dataset, tree, folder)
            records = record_table(tree)
            write_table(folder / RECORDS, records)
            write_json(folder / CROISSANT, describe(dataset, tree, records, folder / RECORDS))
    return Exported((out / CROISSANT, out / RECORDS), len(tree.table), tree.said)


def record_table(tree: Tree) -> pd.DataFrame:
    """Return the table of records: that of the tree, with the bare name of each file.

    Loaders join records and files by this name, which no two files of an export share.
    """
    table = tree.table.copy()
    if IMAGE_FILE in table:
        table = table.rename(columns={IMAGE_FILE: free_name(f"{IMAGE_FILE}_column", [*map(str, table)])})
    table.insert(1, IMAGE_FILE, table[FILE_NAME].str.rpartition("/")[2])
    return table


def describe(dataset: Dataset, tree: Tree, records: pd.DataFrame, path: Path) -> dict[str, JsonValue]:
    """Return the description as a JSON-LD document; ``path`` holds the records."""
    info = dataset.info
    title = printable(info.title or info.task, keep="")
    size = f"{len(tree.table):,} images in {len(info.classes):,} classes"
    about = f"Content hash of the manifest: {info.digest}. For research; not for clinical use."
    document: dict[str, JsonValue] = {
        "@context": {**CONTEXT},
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": printable(info.task, keep=""),
        "description": f"{title}. {size}. {tone_sentence(dataset)} {about}",
        "license": licence_url(info.licence),
        "keywords": ["dermatology", "skin lesions", "Fitzpatrick skin type", "image classification"],
        "sdPublisher": {"@type": "sc:Organization", "name": MARK},
        "isLiveDataset": False,
        "distribution": _files(tree, path),
        "recordSet": [_records(records)],
        **_responsible(dataset),
    }
    page = homepage(dataset)
    return document | ({"citeAs": info.citation} if info.citation else {}) | ({"url": page} if page else {})


def _files(tree: Tree, path: Path) -> list[JsonValue]:
    suffixes = sorted({name.rpartition(".")[2] for name in tree.table[FILE_NAME]})
    kinds = sorted({_mime(suffix) for suffix in suffixes})
    return [
        {
            "@type": "cr:FileObject",
            "@id": RECORDS,
            "name": RECORDS,
            "description": "One row an image.",
            "contentUrl": RECORDS,
            "contentSize": f"{path.stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file_digest(path).removeprefix("sha256:"),
        },
        {
            "@type": "cr:FileSet",
            "@id": "image-files",
            "name": "image-files",
            "description": f"{len(tree.table):,} images; the hash of each is in {RECORDS}.",
            "encodingFormat": list(kinds),
            "includes": [f"{split}/*/*.{suffix}" for split in tree.splits for suffix in suffixes],
        },
    ]


def _records(table: pd.DataFrame) -> JsonValue:
    ids = _field_ids(list(map(str, table.columns)))
    fields: list[JsonValue] = [_column(ids[str(name)], str(name), table[name]) for name in table.columns]
    content: JsonValue = {
        "@type": "cr:Field",
        "@id": "images/content",
        "name": "content",
        "description": "The image.",
        "dataType": "sc:ImageObject",
        "source": {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "content"}},
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "One record an image.",
        "key": {"@id": ids["image_id"]},
        "field": [*fields, content],
    }


def _column(identifier: str, name: str, values: pd.Series) -> JsonValue:
    field: dict[str, JsonValue] = {
        "@type": "cr:Field",
        "@id": identifier,
        "name": printable(name, keep=""),
        "description": ABOUT.get(name, f"Column {printable(name, keep='')} of the release."),
        "dataType": _data_type(values),
        "source": {"fileObject": {"@id": RECORDS}, "extract": {"column": name}},
    }
    if name == IMAGE_FILE:
        field["references"] = {"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "filename"}}
    return field


def _field_ids(names: list[str]) -> dict[str, str]:
    """Return an identifier for each column that is one in JSON-LD."""
    found: dict[str, str] = {}
    for name in names:
        base = f"images/{re.sub(r'[^A-Za-z0-9_.-]', '_', name) or '_'}"
        taken = {*found.values(), "images/content"}
        found[name] = next(
            text for text in (base, *(f"{base}-{i}" for i in range(2, len(names) + 3))) if text not in taken
        )
    return found


def _data_type(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "sc:Boolean"
    if pd.api.types.is_integer_dtype(values):
        return "sc:Integer"
    return "sc:Float" if pd.api.types.is_float_dtype(values) else "sc:Text"


def _mime(suffix: str) -> str:
    known = {"png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp"}
    return "image/tiff" if suffix in {"tif", "tiff"} else known.get(suffix, "image/jpeg")


def _responsible(dataset: Dataset) -> dict[str, JsonValue]:
    """Return the responsible-AI properties: what is known about skin types, defects and persons."""
    personal = [name for name in ("fst", "fst_band", "sex", "age", "patient_id") if name in dataset.manifest]
    named = f", with columns {', '.join(personal)}" if personal else ""
    limits: list[JsonValue] = [printable(text, keep="") for text in (*defects(dataset), *reading(dataset))]
    return {
        "rai:dataBiases": [tone_sentence(dataset)],
        "rai:dataLimitations": limits,
        "rai:personalSensitiveInformation": [f"Photographs of patients' skin{named}."],
    }
