"""A zero-shot model of open_clip: it predicts the class whose prompts are nearest to an image."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from dermbench.artifacts.guarded import read_toml
from dermbench.errors import InputError, MissingDependencyError, UsageError, name_some, suggest
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import Network
from dermbench.training.network.tensor_files import fill
from dermbench.training.network.weights import read_weights
from dermbench.training.predicting.network_predictor import NetworkPredictor, Opened
from dermbench.training.predicting.predictor import LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from dermbench.artifacts import Dataset
    from dermbench.training.predicting.predictor import Views

REMEDY = "python -m pip install 'dermbench[clip]'"
TEMPLATE = "a photo of {}, a skin lesion"
"""Prompt of a class without a file of prompts."""
PROMPTS = "prompts"


class OpenClipPredictor(NetworkPredictor):
    """An architecture of open_clip with local weights.

    The logit of a class is the model's scale times the cosine of two embeddings, that of the image and that of the
    class. The embedding of a class is the mean of the embeddings of its prompts, each scaled to length 1 (Radford
    et al. 2021, Learning transferable visual models from natural language supervision).
    """

    prefix = "open_clip"
    form = "open_clip:NAME with --weights FILE"
    views: ClassVar[Views] = "one size"
    takes = frozenset({"weights", "prompts"})

    def open(self, dataset: Dataset) -> Opened:
        """Return the model with the prompts of the dataset's classes."""
        prompts = read_prompts(self.request.prompts, dataset.classes)
        library, model = self._load()
        tokenizer = library.get_tokenizer(self.name)
        with torch.inference_mode():
            texts = [
                model.encode_text(tokenizer(list(prompts[label])), normalize=True) for label in dataset.classes
            ]
            centres = nn.functional.normalize(torch.stack([text.mean(dim=0) for text in texts]), dim=1)
        return self._opened(model, centres.clone(), dataset.classes)

    def open_encoder(self, dataset: Dataset) -> Opened:
        """Return the model as an encoder of images."""
        return self._opened(self._load()[1], None, dataset.classes)

    def _load(self) -> tuple[Any, Any]:
        """Return the library, and the model with its weights."""
        try:
            library = import_module("open_clip")
        except ImportError as error:
            raise MissingDependencyError(f"{self} needs open_clip: {error}", remedy=REMEDY) from error
        known = library.list_models()
        if self.name not in known:
            raise UsageError(f"unknown model {self.name!r} of open_clip; {suggest(self.name, known)}")
        if self.request.weights is None:
            raise UsageError(
                f"{self} needs weights: --weights FILE", remedy=_where_weights_are(library, self.name)
            )
        weights = Path(self.request.weights)
        logging.disable(logging.WARNING)  # about weights that are not loaded on purpose
        try:
            model = library.create_model(self.name, pretrained=None, load_weights=False)
        finally:
            logging.disable(logging.NOTSET)
        fill(model, read_weights(weights), weights, what=self.name)
        return library, model.eval()

    def _opened(self, model: Any, centres: Tensor | None, classes: tuple[str, ...]) -> Opened:
        visual = model.visual
        side = visual.image_size[0] if isinstance(visual.image_size, tuple | list) else visual.image_size
        network = Network(ZeroShot(model, centres), tuple(visual.image_mean), tuple(visual.image_std))
        config = TrainConfig(model=str(self), image_size=int(side), batch_size=LIMIT)
        return Opened.placed(network, config, classes, self.request.device)


class ZeroShot(nn.Module):
    """The image encoder of a model, with embeddings of classes as its classifier.

    ``centres``, shape (n_classes, n_features), have length 1; None without a classifier.
    """

    def __init__(self, model: Any, centres: Tensor | None) -> None:
        super().__init__()
        self.visual, self.logit_scale = model.visual, model.logit_scale
        self.register_buffer("centres", centres)

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the embeddings of images, shape (n, n_features)."""
        features: Tensor = self.visual(images)
        return features

    def forward_head(self, features: Tensor, *, pre_logits: bool = False) -> Tensor:
        """Return the logits of embeddings, or the embeddings."""
        if pre_logits:
            return features
        assert isinstance(self.centres, torch.Tensor)
        unit = nn.functional.normalize(features.float(), dim=1)
        logits: Tensor = self.logit_scale.exp() * unit @ self.centres.T
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images, shape (n, n_classes)."""
        return self.forward_head(self.forward_features(images))


def read_prompts(path: Path | str | None, classes: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the prompts of each class, from a TOML file with a table ``prompts`` or from :data:`TEMPLATE`.

    Raises
    ------
    InputError
        When a class has no prompt, a prompt is not a text, or the file names another class.
    """
    if path is None:
        return {name: (TEMPLATE.format(name.replace("_", " ").replace("-", " ")),) for name in classes}
    table = read_toml(Path(path)).get(PROMPTS)
    if not isinstance(table, dict):
        raise InputError(
            path, [f"has no table [{PROMPTS}]"], remedy='[prompts]\nmelanoma = ["a photo of melanoma"]'
        )
    given = {name: [value] if isinstance(value, str) else value for name, value in table.items()}
    problems = [f"no prompt for {name_some(absent)}"] if (absent := [c for c in classes if c not in given]) else []
    if unknown := [name for name in given if name not in classes]:
        problems.append(f"prompts for {name_some(unknown)}, which the dataset does not have")
    wrong = [n for n, v in given.items() if not (isinstance(v, list) and v and all(isinstance(t, str) for t in v))]
    if wrong:
        problems.append(f"neither a text nor a list of texts: {name_some(wrong)}")
    if problems:
        raise InputError(path, problems)
    return {name: tuple(texts) for name, texts in given.items()}


def _where_weights_are(library: Any, name: str) -> str:
    """Say where weights of an architecture can be downloaded."""
    tags = library.pretrained.list_pretrained_tags_by_model(name)
    found = [library.pretrained.get_pretrained_cfg(name, tag) for tag in tags]
    hubs = list(
        dict.fromkeys(cfg["hf_hub"].rstrip("/").split("/open_clip")[0] for cfg in found if cfg.get("hf_hub"))
    )
    if not hubs:
        return f"open_clip lists {len(tags)} sets of weights for {name}; download one and name its file."
    sets = f" ({len(hubs)} sets of weights are on the hub)"
    return f"For instance: hf download {hubs[0]} open_clip_model.safetensors --local-dir WEIGHTS{sets}"
