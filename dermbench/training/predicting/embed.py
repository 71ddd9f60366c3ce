"""``embed``: compute a table of embeddings of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts import read_dataset
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.tables import write_table
from dermbench.training.predicting.predictor import Request, check_finite
from dermbench.training.predicting.registry import find_predictors

if TYPE_CHECKING:
    from pathlib import Path


def embed(
    candidate: Path | str,
    data: Path | str | Dataset,
    *,
    out: Path | str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    weights: Path | str | None = None,
) -> pd.DataFrame:
    """Compute the embeddings of all images of a dataset.

    No labels are used, so images of ``test`` are embedded too; ``train --embeddings`` reads only ``train`` and
    ``val``.

    Parameters
    ----------
    candidate
        Run folder, ``timm:NAME`` (pretrained, or with ``weights``), ``hf-hub:OWNER/NAME``,
        ``open_clip:NAME`` or a predictor of another package that has features.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing.
    batch_size
        Number of images at a time.
    device
        ``auto`` or a device of torch.
    weights
        Local file of weights.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, and columns ``f0``, ``f1``, ... in single precision, in the order of the manifest.

    Raises
    ------
    UsageError
        When the candidate has no embeddings, or is a run on folds of this dataset.
    InputError
        When an embedding is NaN or infinite.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    request = Request(batch_size=batch_size, device=device, weights=weights)
    (predictor,) = find_predictors([str(candidate)], request)
    splits = list(dict.fromkeys(dataset.manifest["split"]))
    ids = np.concatenate([dataset.part(split)["image_id"].to_numpy(dtype=object) for split in splits])
    values = np.concatenate([predictor.embed(dataset, split) for split in splits])
    check_finite(str(predictor), ids, values, "embeddings")
    table = pd.DataFrame(values.astype(np.float32), index=ids).loc[list(dataset.manifest["image_id"])]
    table.columns = pd.Index([f"f{k}" for k in range(table.shape[1])])
    table = table.rename_axis("image_id").reset_index()
    if out is not None:
        write_table(out, table)
    return table
