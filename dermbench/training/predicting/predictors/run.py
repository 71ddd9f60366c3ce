"""A finished run: its network, and with ``neighbours`` the labels of the images with the nearest features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dermbench.artifacts import RunRecord
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.run import RUN, WEIGHTS
from dermbench.errors import UsageError
from dermbench.training.data.folds import POOL, FoldedData
from dermbench.training.data.pixels import load_samples
from dermbench.training.data.training_data import SPLITS
from dermbench.training.network.features import kept_features
from dermbench.training.network.network import probe_features
from dermbench.training.network.scoring import softmax
from dermbench.training.predicting.neighbours import Bank
from dermbench.training.predicting.network_predictor import NetworkPredictor, Opened, over_views
from dermbench.training.predicting.predictor import Predicted, Seen
from dermbench.training.predicting.run_loading import configuration, load_run, open_run
from dermbench.training.predicting.unseen import validation_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts import Dataset
    from dermbench.training.network.network import Network

LABELS_AS_THEY_ARE = "true"
"""Value of ``labels`` in the configuration of a run that is not a control."""


class RunPredictor(NetworkPredictor):
    """A run folder."""

    prefix = "run"
    form = "a run folder"
    takes = frozenset({"neighbours"})

    def __str__(self) -> str:
        return self.name

    def open(self, dataset: Dataset) -> Opened:
        """Return the network of the run."""
        return Opened(*load_run(Path(self.name), dataset, device=self.request.device))

    def open_encoder(self, dataset: Dataset) -> Opened:
        """Return the network of the run; its classes do not matter.

        Raises
        ------
        UsageError
            For a run on folds of the dataset. It was trained on images of ``val``, so a probe on its embeddings
            would be validated on images that the network was trained on.
        """
        seen = self.seen()
        if seen.folds and seen.dataset == dataset.info.digest:
            raise UsageError(
                f"{self} was trained on folds of {dataset.root}: a probe on its embeddings would be validated on "
                "images that the run was trained on",
                remedy="Embed a run without folds, or another dataset.",
            )
        return Opened(*open_run(Path(self.name), device=self.request.device, data=str(dataset.root)))

    def predict(self, dataset: Dataset, split: str) -> Predicted:
        """Return the probabilities, averaged over the views and mixed with labels of neighbours if requested."""
        if not self.request.neighbours:
            return super().predict(dataset, split)
        self._check_neighbours(dataset)
        opened = self.open(dataset)
        seen = dataset if isinstance(dataset, FoldedData) else validation_of(self, dataset)
        bank, k = _bank(opened, seen), len(opened.classes)
        image_id, outputs = over_views(opened, dataset, split, self.request, _logits_and_features)
        mixed = [
            bank.blended(softmax(both[:, :k]), image_id, both[:, k:], self.request.neighbours) for both in outputs
        ]
        return Predicted(image_id, np.mean(mixed, axis=0), opened.classes)

    def seen(self) -> Seen:
        """Return the data that the run was trained on."""
        record = self._record()
        if record is None:
            return Seen()
        config = configuration(Path(self.name), record)
        return Seen(config.folds, config.fold, record.dataset_digest, record.held_out)

    def about(self) -> Mapping[str, str]:
        """Return name, network, hash of the weights and selection rule."""
        run, record = Path(self.name), RunRecord.read(Path(self.name) / RUN)
        return {
            "name": run.name,
            "digest": file_digest(run / WEIGHTS),
            "model": Path(record.model).name,
            "selection": record.selection,
        }

    def _record(self) -> RunRecord | None:
        path = Path(self.name) / RUN
        return RunRecord.read(path) if path.is_file() else None

    def _check_neighbours(self, dataset: Dataset) -> None:
        """Refuse a run on another dataset, whose neighbours are unknown, and a run that is a control."""
        record = self._record()
        if record is not None and record.dataset_digest != dataset.info.digest:
            raise UsageError(
                f"{self} was trained on another dataset: its train and val are not in {dataset.root}",
                remedy="Predict without --neighbours.",
            )
        if record is not None and record.config.get("labels", LABELS_AS_THEY_ARE) != LABELS_AS_THEY_ARE:
            raise UsageError(
                f"{self} is a control that was not trained on the true labels, which --neighbours would use",
                remedy="Predict without --neighbours.",
            )


def _bank(opened: Opened, seen: Dataset) -> Bank:
    """Return the bank of the images of ``train`` and ``val``, with classes in the order of the network."""
    config, order = opened.config, np.array([opened.classes.index(label) for label in seen.classes])
    whole = (seen.pool, (POOL,)) if isinstance(seen, FoldedData) and seen.pool is not None else (seen, SPLITS)
    parts = []
    for split in whole[1]:
        samples = load_samples(whole[0], split, config.cached_side, config.crop_mode).to(opened.runtime.device)
        parts.append(replace(samples, labels=order[samples.labels]))
    features = [kept_features(opened.network, part, config, opened.runtime) for part in parts]
    return Bank.of(
        np.concatenate([part.image_id for part in parts]),
        np.concatenate(features),
        np.concatenate([part.labels for part in parts]),
        len(opened.classes),
    )


def _logits_and_features(network: Network, images: torch.Tensor) -> torch.Tensor:
    """Return logits and features side by side."""
    features = probe_features(network, images)
    return torch.cat([network.head(features).float(), features.float()], dim=1)
