"""Diverse Dermatology Images (DDI).

Input: 656 clinical photographs of biopsied lesions, ``000001.png`` to ``000656.png``.
Label: malignant or benign by biopsy; the 78 diseases are in the column ``disease``.
Metadata: bands of two Fitzpatrick types (``skin_tone`` 12, 34, 56) become ``fst_band``; ``fst`` is unknown.
Ids that group images: none.
Publication: Daneshjou et al. 2022.
Licence: Stanford's research use agreement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.skin import read_skin
from dermbench.data.reading import id_problems, match_classes, refuse
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release

if TYPE_CHECKING:
    from dermbench.data.source import Request

TABLE = ("ddi_metadata.csv",)
COLUMNS = ("DDI_file", "skin_tone", "malignant", "disease")


@SOURCES.register("ddi")
def ddi(request: Request) -> Release:
    """Read the release: ``ddi_metadata.csv`` in ``root`` or up to two folders down, images anywhere below.

    Options: ``images``, the folder of the photographs.
    """
    options = request.known("images")
    found = open_table(request, TABLE, COLUMNS, ids="DDI_file")
    raw, task = found.raw, request.task
    labels, problems = match_classes(raw["malignant"], task, task.classes)
    refuse(
        found.path, [*id_problems(raw["DDI_file"], "DDI_file"), *problems], classes=("True", "False"), task=task
    )
    skin = read_skin(raw["skin_tone"])
    table = raw.drop(columns="malignant").rename(columns={"DDI_file": "image_id"})
    table = table.assign(label=labels, fst=pd.array([pd.NA] * len(raw), dtype="Int64"), fst_band=skin.band)
    odd = skin.text.mask(skin.band.notna())
    if odd.notna().any():
        table[f"fst_band{KEPT}"] = odd
    table = table.assign(modality="clinical", path=found.files.locate(table["image_id"]))
    return Release(table, found.files.root, task.classes, options={**options})
