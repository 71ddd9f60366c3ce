"""``synthderm``: synthetic skin lesions; every disparity is planted and of known size.

Input: photographs of skin drawn from a seed, 128 px by default, 1-3 of each lesion, 1-2 lesions a patient.
Label: primary morphology of the lesion (macule, papule, ...), never a disease.
Metadata: skin type as drawn (``fst``), a second annotator's (``fst_centaur``), ITA, patient, lesion, sex, age,
site, and the truth behind every dial: ``label_clean``, ``lesion_contrast``, ``planted_duplicate_of``,
``planted_edit``.
Licence: that of dermbench; nothing is downloaded.

With the default dials, an image is one skin colour, drawn by type, plus a pattern with the same distribution for
every type; ``docs/reference/synthderm.md`` says what follows from that and what does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import IMAGES
from dermbench.data.source import SOURCES, Release
from dermbench.data.synth.dials import read_dials
from dermbench.data.synth.morphology import MORPHOLOGIES
from dermbench.data.synth.plan import plan_shots
from dermbench.data.synth.table import make_table
from dermbench.data.synth.write import file_name, write_images
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from dermbench.data.source import Request


@SOURCES.register("synthderm")
def synthderm(request: Request) -> Release:
    """Draw the synthetic dataset into ``request.out/images``.

    Parameters
    ----------
    request
        ``options`` are the dials of :class:`dermbench.data.synth.dials.Dials`; the dial ``seed`` is by default
        that of the request. ``root`` is ignored. ``workers`` changes the time, but not the images.

    Returns
    -------
    Release
        One row per image without ``split``; ``image_root`` is the dataset folder, ``options`` has all dials.

    Raises
    ------
    InputError
        When options are unknown or impossible; lists all of them.
    UsageError
        When the folder cannot be written to or ``images`` in it holds other files, or when a class of the task
        is not a morphology.
    """
    dials = read_dials({"seed": str(request.seed), **request.options})
    classes = request.task.classes or tuple(MORPHOLOGIES)
    unknown = [name for name in classes if name not in MORPHOLOGIES]
    if unknown:
        raise UsageError(
            f"task {request.task.name!r}: synthderm cannot draw {', '.join(unknown)}",
            remedy=f"Morphologies: {', '.join(MORPHOLOGIES)}.",
        )
    shots = plan_shots(dials, classes)
    table = make_table(shots, dials, classes)
    table["path"] = [f"{IMAGES}/{file_name(shot)}" for shot in shots]
    write_images(request.out, shots, dials, workers=request.workers)
    return Release(
        table=table,
        image_root=request.out.resolve(),
        classes=classes,
        options=dials.model_dump(),
    )
