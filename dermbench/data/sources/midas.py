"""MRA-MIDAS.

Input: 3,416 photographs and dermoscopic images of lesions that were biopsied, named by ``midas_file_name``.
Label: 14 results of pathology (``midas_path``). 503 photographs of control lesions have none and are left out.
Metadata: patient (``midas_record_id``), site, sex, age, race, Fitzpatrick type with a description of its own,
distance.
Ids that group images: patient; lesion, made of patient and location, so two lesions at one place share an id.
Publication: Chiou et al. 2024.
Licence: Stanford's research use agreement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.skin import is_unknown
from dermbench.data.reading import id_problems, match_classes, refuse, rows_of
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release
from dermbench.errors import name_some

if TYPE_CHECKING:
    from dermbench.data.source import Request

TABLE = ("release_midas.xlsx", "release_midas.csv")
COLUMNS = (
    "midas_record_id",
    "midas_file_name",
    "midas_iscontrol",
    "midas_distance",
    "midas_location",
    "midas_path",
    "midas_gender",
    "midas_age",
    "midas_fitzpatrick",
)
NAMES = {
    "midas_record_id": "patient_id",
    "midas_file_name": "image_id",
    "midas_distance": "distance",
    "midas_location": "site",
    "midas_path": "label",
    "midas_gender": "sex",
    "midas_age": "age",
}
SKIN_TYPES = {
    "i pale white skin, blue/green eyes, blond/red hair": 1,
    "ii fair skin, blue eyes": 2,
    "iii darker white skin": 3,
    "iv light brown skin": 4,
    "v brown skin": 5,
    "vi dark brown or black skin": 6,
}
"""The release's descriptions of the types; any other text means unknown and is kept."""
MODALITY = {"dscope": "dermoscopic", "6in": "clinical", "1ft": "clinical", "n/a - virtual": "clinical"}
CONTROL = "photograph of a control lesion, which has no pathology"


@SOURCES.register("midas")
def midas(request: Request) -> Release:
    """Read the release: ``release_midas.xlsx`` in ``root`` or up to two folders down, images anywhere below.

    Options: ``images``, the folder of the photographs.
    """
    options = request.known("images")
    found = open_table(request, TABLE, COLUMNS, ids="midas_file_name")
    raw, task = found.raw, request.task
    control = raw["midas_iscontrol"].str.lower()
    labels, wrong = match_classes(raw["midas_path"].mask(control == "yes", task.classes[0]), task, task.classes)
    problems = [
        *id_problems(raw["midas_file_name"], "midas_file_name"),
        *_not_among("midas_iscontrol", control, ("yes", "no")),
        *_not_among("midas_distance", raw["midas_distance"], tuple(MODALITY)),
        *([f"no midas_record_id in {rows_of(lost)}"] if (lost := raw["midas_record_id"].isna()).any() else []),
        *wrong,
    ]
    refuse(found.path, problems, classes=task.classes, task=task)
    table = raw.assign(midas_path=labels).rename(columns=NAMES)[control == "no"].reset_index(drop=True)
    table = _with_types(table.drop(columns="midas_iscontrol"))
    place = table["site"].str.lower().str.replace(r"\s+", " ", regex=True)
    table["lesion_id"] = table["patient_id"] + "_" + place
    table["modality"] = table["distance"].map(MODALITY).astype("string")
    table["path"] = found.files.locate(table["image_id"])
    left_out = {CONTROL: int((control == "yes").sum())} if (control == "yes").any() else {}
    return Release(table, found.files.root, task.classes, left_out=left_out, options={**options})


def _with_types(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``fst`` from the release's descriptions, and these as ``fst_text``."""
    text = table["midas_fitzpatrick"]
    text = text.mask(is_unknown(text))
    kinds = text.str.lower().str.replace(r"\s+", " ", regex=True).map(SKIN_TYPES, na_action="ignore")
    table = table.drop(columns="midas_fitzpatrick").assign(fst=pd.to_numeric(kinds).astype("Int64"))
    table[f"fst{KEPT}"] = text
    return table


def _not_among(name: str, values: pd.Series, allowed: tuple[str, ...]) -> list[str]:
    wrong = ~values.isin(allowed)
    if not wrong.any():
        return []
    names = name_some(values[wrong].fillna("").unique())
    return [f"{name} is {', '.join(allowed[:-1])} or {allowed[-1]}, not {names} ({rows_of(wrong)})"]
