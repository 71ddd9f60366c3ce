"""PAD-UFES-20.

Input: 2,298 smartphone photographs of skin lesions, ``PAT_<patient>_<lesion>_<n>.png``.
Label: six diagnoses (ACK, BCC, MEL, NEV, SCC, SEK).
Metadata: age, sex, site, Fitzpatrick skin type (missing for 804), habits, symptoms.
Ids that group images: patient (1,373), lesion (1,641 ids).
Publication: Pacheco et al. 2020.
Licence: CC BY 4.0.

The release uses 250 of its lesion ids for lesions of two different patients (age, diagnosis and site differ
in nearly all of them), so ``lesion_id`` is ``<patient>_<lesion>`` here, as in the images' names: 1,891 lesions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data.reading import id_problems, match_classes, refuse, rows_of, with_skin_type
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release

if TYPE_CHECKING:
    from dermbench.data.source import Request

TABLE = "metadata.csv"
COLUMNS = ("img_id", "patient_id", "lesion_id", "diagnostic", "fitspatrick", "gender", "region", "age")
NAMES = {"img_id": "image_id", "region": "site", "gender": "sex"}
FOLDERS = ("imgs_part_1", "imgs_part_2", "imgs_part_3", "images")


@SOURCES.register("pad-ufes-20")
def pad_ufes_20(request: Request) -> Release:
    """Read the release: ``metadata.csv`` in ``root`` or up to two folders down, images anywhere below.

    Images are matched by name whatever their suffix. Options: ``images``, the folder of the photographs.
    """
    options = request.known("images")
    found = open_table(request, (TABLE,), COLUMNS, ids="img_id")
    raw, task = found.raw, request.task
    labels, problems = match_classes(raw["diagnostic"], task, task.classes)
    lost = raw["patient_id"].isna() | raw["lesion_id"].isna()
    problems += [f"no patient_id or lesion_id in {rows_of(lost)}"] if lost.any() else []
    refuse(found.path, [*id_problems(raw["img_id"], "img_id"), *problems], classes=task.classes, task=task)
    table = with_skin_type(raw.rename(columns=NAMES).assign(label=labels), "fst", raw["fitspatrick"])
    table = table.drop(columns=["fitspatrick", "diagnostic"])
    table["lesion_id"] = table["patient_id"] + "_" + table["lesion_id"]
    table["sex"] = table["sex"].str.lower()
    table["modality"] = "clinical"
    table["path"] = found.files.locate(table["image_id"], prefer=FOLDERS)
    return Release(table, found.files.root, task.classes, options={**options})
