"""A made-up release of a clinic, as a plug-in: its task and its source stand in one module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data import Release
from dermbench.data.reading import labels_of
from dermbench.data.release_table import open_table
from dermbench.tasks import Task

if TYPE_CHECKING:
    from dermbench.data import Request

TASK = Task(
    name="demo-clinic",
    title="Two kinds of lesion from a clinic that does not exist",
    source="demo-clinic",
    classes=("mole", "wart"),
    n_classes=2,
    images={"all": 12},
    licence="none: made up",
    citation="",
    obtain="Put clinic.csv and the folder photos into one folder.",
)


def clinic(request: Request) -> Release:
    """Read ``clinic.csv`` (photo, finding, type of skin, patient) and the photographs below it."""
    request.known()
    found = open_table(request, ("clinic.csv",), ("photo", "finding", "skin", "patient"))
    table = found.raw.rename(
        columns={"photo": "image_id", "finding": "label", "skin": "fst", "patient": "patient_id"}
    )
    table["label"] = labels_of(table["label"], request.task, request.task.classes, found.path)
    table["path"] = found.files.locate(table["image_id"])
    return Release(table, found.files.root, request.task.classes)
