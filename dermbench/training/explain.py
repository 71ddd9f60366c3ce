"""``explain``: write Grad-CAM pictures by skin type, of right and of wrong predictions.

Grad-CAM (Selvaraju et al. 2017) shows which regions of the last feature map raise the score of the predicted
class. It does not show why a network decides.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from dermbench.artifacts import make_predictions, read_dataset
from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.skin import UNKNOWN, fst_name
from dermbench.artifacts.tables import write_table
from dermbench.errors import MissingDependencyError, UsageError
from dermbench.training.config.device import computing
from dermbench.training.config.seeding import numpy_generator
from dermbench.training.data.augment import resize_batch
from dermbench.training.data.folds import FoldedData
from dermbench.training.data.pixels import load_samples
from dermbench.training.data.training_data import SPLITS
from dermbench.training.network.scoring import Normaliser, predict_logits, softmax
from dermbench.training.predicting.predictor import Request
from dermbench.training.predicting.predictors.run import RunPredictor
from dermbench.training.predicting.run_loading import load_run
from dermbench.training.predicting.unseen import validation_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.training.config.device import Runtime
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

INDEX = "index.csv"


@dataclass(frozen=True)
class Explanation:
    """Result of :func:`explain`.

    ``index`` has one row for each picture: ``image_id``, ``file``, ``fst``, ``label``, ``pred``, ``prob`` (of the
    predicted class), ``right``. ``totals`` counts all images of the split by skin type and ``right``.
    """

    index: pd.DataFrame
    totals: dict[tuple[str, bool], int]
    title: str


def explain(
    run: Path | str,
    data: Path | str | Dataset,
    out: Path | str,
    *,
    split: str = "test",
    per_group: int = 4,
    seed: int = 0,
    device: str = "auto",
) -> Explanation:
    """Write Grad-CAM overlays next to their images, with an index.

    Parameters
    ----------
    run, data, split, device
        As for :func:`dermbench.training.predict`.
    out
        Folder to write ``<group>/<image>.png`` (photograph left, overlay right) and ``index.csv`` to.
    per_group
        Number of images for each skin type and outcome (right or wrong), drawn at random with ``seed``.
    seed
        Seed of that draw.

    Raises
    ------
    MissingDependencyError
        When grad-cam is not installed.
    UsageError
        When the network has no feature map, or a run on folds was trained on images of the split.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    if set(split.split(JOINED)) & set(SPLITS) and isinstance(
        validation_of(RunPredictor(str(run), Request()), dataset), FoldedData
    ):
        raise UsageError(
            f"{run}: a run on folds has trained on images of {split!r}", remedy="Explain images of the test split."
        )
    network, config, classes, runtime = load_run(Path(run), dataset, device=device)
    samples = load_samples(dataset, split, config.cached_side, config.crop_mode)
    with computing(runtime):
        logits = predict_logits(samples, network, runtime, size=config.image_size, batch_size=config.batch_size)
        table = _outcomes(dataset.part(split), classes, logits)
        chosen = choose(table, per_group, seed)
        heat = _grad_cam(network, samples, runtime, config.image_size, chosen)
    for (_, row), map_ in zip(chosen.iterrows(), heat, strict=True):
        _write_overlay(Path(out) / row["file"], samples.pixels[row["row"]], map_)
    index = chosen.drop(columns=["row", "pred_index"])
    write_table(Path(out) / INDEX, index)
    totals = Counter(zip(table["fst"].astype(str), table["right"].astype(bool), strict=True))
    return Explanation(index, dict(totals), f"Grad-CAM: {Path(run).name} on {split} of {dataset.info.task}")


def _file_name(image: str) -> str:
    """Return an id as a file name; changed names end with a hash, so that names stay different."""
    safe = re.sub(r"[^\w.-]", "_", image)
    return safe if safe == image else f"{safe}-{sha256(image.encode()).hexdigest()[:8]}"


def choose(table: pd.DataFrame, per_group: int, seed: int) -> pd.DataFrame:
    """Draw up to ``per_group`` rows of each skin type and outcome; the draw depends only on table and seed."""
    rng = numpy_generator(seed, "explain")
    kept = []
    for _, group in table.groupby(["fst", "right"], sort=True):
        rows = rng.permutation(len(group))[:per_group]
        kept.append(group.iloc[np.sort(rows)])
    return pd.concat(kept, ignore_index=True)


def _outcomes(rows: pd.DataFrame, classes: tuple[str, ...], logits: NDArray[np.float64]) -> pd.DataFrame:
    y_prob = softmax(logits)
    predictions = make_predictions(rows["image_id"].to_numpy(dtype=object), y_prob, classes)
    table = rows[["image_id", "label"]].reset_index(drop=True)
    table["row"] = np.arange(len(rows))
    table["fst"] = fst_name(rows["fst"]).to_numpy() if "fst" in rows else UNKNOWN
    table["pred_index"] = table["image_id"].map(pd.Series(predictions.y_pred, index=predictions.image_id))
    table["pred"] = np.array(classes, dtype=object)[table["pred_index"]]
    table["prob"] = y_prob.max(axis=1)
    table["right"] = table["label"].astype(object) == table["pred"]
    outcome = np.where(table["right"], "right", "wrong")
    names = [_file_name(image) for image in table["image_id"]]
    table["file"] = [f"fst-{f}-{o}/{n}.png" for f, o, n in zip(table["fst"], outcome, names, strict=True)]
    return table


def _grad_cam(
    network: Network, samples: Samples, runtime: Runtime, size: int, chosen: pd.DataFrame
) -> NDArray[np.float32]:
    """Return maps in [0, 1], shape (n, size, size)."""
    try:
        from pytorch_grad_cam import GradCAM  # noqa: PLC0415 - only this verb needs it
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError(
            f"explain needs grad-cam: {error}", remedy="python -m pip install 'dermbench[train]'"
        ) from error
    network.module.eval()
    normalise = Normaliser(network, runtime)
    parts = _Parts(network.module)
    parts.check(normalise(torch.zeros(1, 3, size, size, device=runtime.device)))
    maps = []
    with GradCAM(model=parts, target_layers=[parts.body]) as cam:
        for row, target in zip(chosen["row"], chosen["pred_index"], strict=True):
            image = resize_batch(samples.batch(np.array([row]), runtime.device), size)
            maps.append(cam(normalise(image), targets=[ClassifierOutputTarget(int(target))])[0])
    return np.stack(maps).astype(np.float32)


class _Parts(nn.Module):
    """A network in two parts, with the last feature map as the output of a module."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.body = network, nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network.forward_head(self.body(self.network.forward_features(images)))
        return logits

    def check(self, images: torch.Tensor) -> None:
        """Refuse a network whose last features are not of shape (n, channels, height, width)."""
        with torch.inference_mode():
            grid = self.network.forward_features(images)
        if grid.ndim != 4 or str(getattr(self.network, "output_fmt", "NCHW")).endswith("NHWC"):
            raise UsageError("this network has no feature map for Grad-CAM; convolutional networks have one")


def _write_overlay(path: Path, pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> None:
    from pytorch_grad_cam.utils.image import show_cam_on_image  # noqa: PLC0415 - only this verb needs it

    side = len(heat)
    photograph = np.asarray(Image.fromarray(np.asarray(pixels)).resize((side, side), Image.Resampling.BICUBIC))
    overlay = show_cam_on_image(photograph.astype(np.float32) / 255, heat, use_rgb=True)
    with atomic_path(path) as temporary:
        Image.fromarray(np.concatenate([photograph, overlay], axis=1)).save(temporary)
