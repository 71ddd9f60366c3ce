"""``train``, ``predict``, ``embed`` and ``explain``: each imports torch when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from dermbench.artifacts.predictions import Predictions
    from dermbench.inputs import DataSource

Candidate = Run | Path | str


def train(
    data: DataSource,
    out: Path | str,
    *,
    preset: str | None = None,
    config: Path | str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> Run:
    """Train a network on the ``train`` split of a dataset, choose its epoch on ``val``, and write a run folder.

    Parameters
    ----------
    data
        Dataset folder or artifact. The ``test`` split is not read.
    out
        Run folder to create, or with ``resume`` to continue.
    preset
        Packaged configuration, such as ``cpu-small``; see docs/reference/training.md.
    config
        TOML file with a configuration, instead of a preset.
    overrides
        Single options as ``KEY=VALUE``; see docs/reference/training-options.md.
    seed
        Seed of all random draws.
    resume
        Continue the run in ``out``.
    quiet
        Print nothing.

    Raises
    ------
    MissingDependencyError
        When torch or timm is not installed.
    UsageError, InputError
        When the configuration, the data, the weights or the folder cannot be used.
    ResumableError
        When the run stopped early; it can continue from its last checkpoint.

    Examples
    --------
    After the example of :func:`prepare`, with a very small network:

    >>> import dermbench
    >>> small = ["model=test_efficientnet", "pretrained=false", "probe_l2=0", "image_size=32", "cache_size=32"]
    >>> short = ["epochs=1", "warmup_epochs=0"]
    >>> dermbench.train("synth", "run", preset="cpu-small", overrides=[*small, *short], quiet=True)
    Run('run': test_efficientnet, 10 classes of synthderm, finished, epoch 1 of 1 chosen)
    """
    from dermbench import training  # noqa: PLC0415 - imports torch

    record = training.train(
        data, out, preset=preset, config=config, overrides=overrides, seed=seed, resume=resume, quiet=quiet
    )
    return Run(Path(out), record)


def predict(  # noqa: PLR0913 - the options of the verb
    candidate: Candidate | Sequence[Candidate],
    data: DataSource,
    *,
    split: str = "test",
    out: Path | str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    weights: Path | str | None = None,
    embeddings: Path | str | None = None,
    tta: str = "none",
    calibrate: bool = False,
    neighbours: int = 0,
    prompts: Path | str | None = None,
    mapping: Path | str | None = None,
) -> Predictions:
    """Predict the images of one split, without using their labels.

    Parameters
    ----------
    candidate
        Result of :func:`train`, run folder, ``.onnx`` file, predictions file, ``timm:NAME`` or another predictor.
        The probabilities of several candidates are averaged.
    data
        Dataset folder or artifact.
    split, batch_size, device, weights, embeddings, tta, calibrate, neighbours, prompts, mapping
        As for :func:`dermbench.training.predict`.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing.

    Raises
    ------
    MissingDependencyError
        When torch or timm is not installed.
    UsageError, InputError
        When a candidate, the dataset or an option cannot be used.

    Examples
    --------
    After the example of :func:`train`:

    >>> import dermbench
    >>> predictions = dermbench.predict("run", "synth")
    >>> predictions
    Predictions(16 images, probabilities of 'macule', 'papule', 'plaque', 'nodule', 'vesicle' and 5 more)
    >>> result = dermbench.evaluate(predictions, data="synth", n_resamples=99)
    """
    from dermbench import training  # noqa: PLC0415 - imports torch

    several = [candidate] if isinstance(candidate, Run | Path | str) else candidate
    return training.predict(
        [_place(each) for each in several],
        data,
        split=split,
        out=out,
        batch_size=batch_size,
        device=device,
        weights=weights,
        embeddings=embeddings,
        tta=tta,
        calibrate=calibrate,
        neighbours=neighbours,
        prompts=prompts,
        mapping=mapping,
    )


def embed(
    candidate: Candidate,
    data: DataSource,
    *,
    out: Path | str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    weights: Path | str | None = None,
) -> pd.DataFrame:
    """Return a network's features of every image of a dataset, without using the labels.

    Parameters
    ----------
    candidate
        Result of :func:`train`, run folder, ``timm:NAME`` or another predictor that has features.
    data
        Dataset folder or artifact.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing.
    batch_size, device, weights
        As for :func:`dermbench.training.embed`.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, and columns ``f0``, ``f1``, ... in the order of the manifest.

    Raises
    ------
    MissingDependencyError
        When torch or timm is not installed.
    UsageError, InputError
        When the candidate, the dataset or an option cannot be used.

    Examples
    --------
    After the example of :func:`train`:

    >>> import dermbench
    >>> dermbench.embed("run", "synth").shape
    (120, 257)
    """
    from dermbench import training  # noqa: PLC0415 - imports torch

    return training.embed(_place(candidate), data, out=out, batch_size=batch_size, device=device, weights=weights)


def explain(
    run: Candidate,
    data: DataSource,
    out: Path | str,
    *,
    split: str = "test",
    per_group: int = 4,
    seed: int = 0,
    device: str = "auto",
) -> pd.DataFrame:
    """Write Grad-CAM pictures of right and wrong answers for each skin type, with a contact sheet and a page.

    Parameters
    ----------
    run
        Result of :func:`train`, or a run folder.
    data
        Dataset folder or artifact.
    split, per_group, seed, device
        As for :func:`dermbench.training.explain`.
    out
        Folder for the pictures, ``index.csv``, ``index.html`` and ``contact-sheet.png``.

    Returns
    -------
    pandas.DataFrame
        The index, one row per picture: ``image_id``, ``file``, ``fst``, ``label``, ``pred``, ``prob``, ``right``.

    Raises
    ------
    MissingDependencyError
        When torch, timm or grad-cam is not installed.
    UsageError
        When the network has no feature map to explain, or a run on folds was trained on images of the split.

    Examples
    --------
    After the example of :func:`train`; needs grad-cam:

    >>> import dermbench
    >>> index = dermbench.explain("run", "synth", "pictures", per_group=1)
    >>> sorted(index.columns)
    ['file', 'fst', 'image_id', 'label', 'pred', 'prob', 'right']
    """
    from dermbench import training  # noqa: PLC0415 - imports torch
    from dermbench.reporting.pages.contact_sheet import write_contact_sheet, write_page  # noqa: PLC0415 - imports pillow

    done = training.explain(_place(run), data, out, split=split, per_group=per_group, seed=seed, device=device)
    write_contact_sheet(Path(out), done.index, done.totals)
    write_page(Path(out), done.index, done.totals, done.title)
    return done.index


def _place(candidate: Candidate) -> Path | str:
    return candidate.path if isinstance(candidate, Run) else candidate
