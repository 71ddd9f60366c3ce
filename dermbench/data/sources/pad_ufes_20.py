"""PAD-UFES-20.

Input: 2,298 smartphone photographs of skin lesions, ``PAT_<patient>_<lesion>_<n>.png``.
Label: six diagnoses (ACK, BCC, MEL, NEV, SCC, SEK).
Metadata: patient (1,373), lesion (1,641 ids), age, sex, site, Fitzpatrick skin type (missing for 804), habits,
symptoms.
Publication: Pacheco et al. 2020.
Licence: CC BY 4.0.

The release uses 250 of its lesion ids for lesions of two different patients (age, diagnosis and site differ
in nearly all of them), so ``lesion_id`` is ``<patient>_<lesion>`` here, as in the images' names: 1,891 lesions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data.index import image_index, scan
from dermbench.data.reading import labels_of, read_columns
from dermbench.data.source import SOURCES, Release
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from dermbench.data.source import Request

TABLE = "metadata.csv"
COLUMNS = ("img_id", "patient_id", "lesion_id", "diagnostic", "fitspatrick", "gender", "region", "age")
FOLDERS = ("imgs_part_1", "imgs_part_2", "imgs_part_3", "images")


@SOURCES.register("pad-ufes-20")
def pad_ufes_20(request: Request) -> Release:
    """Read the release: ``metadata.csv`` in ``root`` or one folder down, images anywhere below.

    Images are matched by name whatever their suffix. Options: ``images``, the folder of the photographs.
    """
    options = request.known("images")
    root = request.raw()
    index = scan(root, skip=request.out)
    path = index.named(TABLE)
    if path is None:
        raise UsageError(f"{root}: no {TABLE} there or one folder down", remedy=request.task.where)
    raw = read_columns(path, COLUMNS, key="img_id")
    if "images" in options:
        index = image_index(root, options["images"], skip=request.out)
    table = raw.rename(
        columns={"img_id": "image_id", "diagnostic": "label", "fitspatrick": "fst", "region": "site"}
    ).rename(columns={"gender": "sex"})
    table["label"] = labels_of(table["label"], request.task, request.task.classes, path)
    table["lesion_id"] = table["patient_id"] + "_" + table["lesion_id"]
    table["sex"] = table["sex"].str.lower()
    table["path"] = index.locate(table["image_id"], prefer=FOLDERS)
    return Release(table, index.root, request.task.classes, options={**options})
