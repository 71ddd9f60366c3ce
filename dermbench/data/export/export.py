"""``export``: write a prepared dataset in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.data.export.formats import load_format
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from dermbench.data.export.format import Exported


def export_dataset(dataset: Dataset | Path | str, form: str, out: Path | str) -> Exported:
    """Write a dataset in another format.

    Parameters
    ----------
    dataset
        Prepared dataset, or its folder.
    form
        ``croissant``, ``imagefolder``, ``card``, or a format of another package.
    out
        Folder to write to. Files of an earlier export are replaced; other files under the same names are
        refused. Exports in several formats can share a folder.

    Raises
    ------
    RegistryError
        When there is no such format.
    UsageError
        When ``out`` is in the dataset or its images, cannot be written to, or holds other files under these names.
    InputError
        When the dataset is damaged, or an image has changed since it was prepared.
    """
    write = load_format(form)
    source = dataset if isinstance(dataset, Dataset) else read_dataset(dataset)
    folder = Path(out).resolve()
    for taken in (source.root.resolve(), source.image_root):
        if folder.is_relative_to(taken):
            raise UsageError(
                f"{out}: lies in {taken}, which belongs to the dataset", remedy="Choose another --out."
            )
    return write(source, Path(out))
