"""HAM10000.

Input: 10,015 dermoscopic images of pigmented lesions, ``ISIC_<number>.jpg``.
Label: seven diagnoses (akiec, bcc, bkl, df, mel, nv, vasc), column ``dx``.
Metadata: lesion (7,470), how the diagnosis was made (``dx_type``), clinic and camera (``dataset``, for hold-out by
site), age, sex, site; no skin type.
Ids that group images: lesion. Two duplicates across lesions are known.
Publication: Tschandl et al. 2018.
Licence: CC BY-NC 4.0.
Obtain: Harvard Dataverse (table without suffix or as ``.tab``) or Kaggle (``.csv``, without ``dataset``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data.reading import contradictions, id_problems, match_classes, refuse, without_unknown
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release

if TYPE_CHECKING:
    import pandas as pd

    from dermbench.data.source import Request

TABLES = ("HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab")
"""Names of the table on Dataverse, on Kaggle, and as Dataverse exports it."""
COLUMNS = ("image_id", "lesion_id", "dx", "dx_type", "age", "sex", "localization")
PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
CONVENTION = (
    "mel, bcc and akiec count as malignant, the other classes as benign. This is a convention: akiec joins "
    "actinic keratoses, which can become a carcinoma, with Bowen's disease, which is one."
)


@SOURCES.register("ham10000")
def ham10000(request: Request) -> Release:
    """Read the release: its table in ``root`` or up to two folders down, images anywhere below.

    Options: ``images``, the folder of the photographs.
    """
    options = request.known("images")
    task = request.task
    found = open_table(request, TABLES, COLUMNS, ids="image_id")
    raw = found.raw
    labels, wrong = match_classes(raw["dx"], task, task.classes)
    problems = [*id_problems(raw["image_id"], "image_id"), *contradictions(raw, "lesion_id", "dx"), *wrong]
    refuse(found.path, problems, classes=task.classes, task=task)
    table = _renamed(raw).assign(label=labels, path=found.files.locate(raw["image_id"], prefer=PARTS))
    return Release(table, found.files.root, task.classes, options=options, interpreted=(CONVENTION,))


def _renamed(raw: pd.DataFrame) -> pd.DataFrame:
    table = raw.drop(columns="dx").rename(columns={"localization": "site"})
    return table.assign(
        sex=without_unknown(table["sex"]), site=without_unknown(table["site"]), modality="dermoscopic"
    )
