"""``embed``: one candidate in, a table of embeddings out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts import read_dataset
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.tables import write_table
from dermbench.training.predicting.predictor import Request
from dermbench.training.predicting.registry import find_predictors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


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

    Labels are not looked at, so the images of ``test`` are embedded as well; ``train --embeddings`` reads those of
    ``train`` and ``val`` alone.

    Parameters
    ----------
    candidate
        Run folder, ``timm:NAME`` (as it was pretrained, or with ``weights``), ``hf-hub:OWNER/NAME``,
        ``open_clip:NAME`` or a predictor of another package that has features.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing.
    batch_size
        Images at a time.
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
        When the candidate has no embeddings.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    request = Request(batch_size=batch_size, device=device, weights=weights)
    (predictor,) = find_predictors([str(candidate)], request)
    parts: list[NDArray[np.float64]] = []
    ids: list[NDArray[np.object_]] = []
    for split in dict.fromkeys(dataset.manifest["split"]):
        ids.append(dataset.part(split)["image_id"].to_numpy(dtype=object))
        parts.append(predictor.embed(dataset, split))
    table = pd.DataFrame(np.concatenate(parts).astype(np.float32))
    table.columns = pd.Index([f"f{k}" for k in range(table.shape[1])])
    table.insert(0, "image_id", np.concatenate(ids))
    if out is not None:
        write_table(out, table)
    return table
