"""ImageFolder: ``<split>/<label>/<file>`` with ``metadata.csv``, as Hugging Face and torchvision read it.

``metadata.parquet`` in the folder of each split is what Hugging Face's loader reads; older versions read
``metadata.csv``, the table of all images beside these folders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.outputs import sole_writer
from dermbench.data.export.format import EXPORTS, Exported
from dermbench.data.export.staging import CROISSANT, refuse_others, staged
from dermbench.data.export.tree import METADATA, plan_tree, write_tree
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts.manifest import Dataset


@EXPORTS.register("imagefolder")
def imagefolder(dataset: Dataset, out: Path) -> Exported:
    """Write the images and their tables."""
    tree = plan_tree(dataset)
    with sole_writer(out, ("export", *SPLITS, METADATA)):
        refuse_others(out, tree)
        if (out / CROISSANT).exists():
            raise UsageError(
                f"{out / CROISSANT}: describes the images that would be replaced",
                remedy="Export with --format croissant, which writes both, or choose another --out.",
            )
        with staged(out) as folder:
            write_tree(dataset, tree, folder)
    return Exported((out / METADATA,), len(tree.table), tree.said)
