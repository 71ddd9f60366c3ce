"""``load_dataset``, ``prepare`` and ``check``: dataset folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.data import check, prepare

if TYPE_CHECKING:
    from dermbench.inputs import DataSource

__all__ = ["check", "load_dataset", "prepare"]


def load_dataset(data: DataSource) -> Dataset:
    """Read a prepared dataset, and check that its manifest is unchanged since it was prepared.

    Parameters
    ----------
    data
        Dataset folder, or the name of a dataset under ``DERMBENCH_DATA``. A ``Dataset`` is returned unchanged.

    Raises
    ------
    UsageError
        When the folder is not a dataset folder; the message says how to make one.
    InputError
        When a file is malformed, or the manifest was changed after preparation.

    Examples
    --------
    After the example of :func:`prepare`:

    >>> import dermbench
    >>> dataset = dermbench.load_dataset("synth")
    >>> dataset
    Dataset('synth': synthderm, 10 classes, 120 images: train 86, val 18, test 16)
    >>> dataset.manifest["fst"].nunique()
    6
    """
    return data if isinstance(data, Dataset) else read_dataset(data)
