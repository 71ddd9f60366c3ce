"""Training loops that ``bench_training.py`` compares with dermbench: the same recipe, written in the usual way.

``plain``: ImageFolder, a DataLoader with workers, torchvision transforms, autocast on a GPU.
``tuned``: also torchvision v2 transforms (on a GPU if there is one), channels_last, bf16, fused optimiser,
persistent workers with prefetching, pinned memory, fewer waits for the device. ``cudnn.benchmark`` is off in all
loops, because its search takes tens of seconds.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.metrics import f1_score
from timm.utils.model_ema import ModelEmaV3
from torch.nn import functional as F  # noqa: N812 - the usual name
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from dermbench.training.data.balance import class_weights
from dermbench.training.network.network import build_network, freeze_norm
from dermbench.training.run.optim import make_optimizer, set_rate
from dermbench.training.run.schedule import rate_share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dermbench.artifacts import Dataset
    from dermbench.training.config.train_config import Augment, TrainConfig


@dataclass
class Outcome:
    """A finished run.

    Attributes
    ----------
    macro_f1
        Macro-F1 of the best epoch on ``val``.
    images_per_second
        Median speed of the epochs, without validation and without the first of several epochs.
    epoch_seconds
        Wall seconds of each epoch, including validation.
    """

    macro_f1: float
    images_per_second: float
    epoch_seconds: list[float]


def write_folders(dataset: Dataset, root: Path) -> None:
    """Lay out the images for ImageFolder, by links."""
    for split in ("train", "val"):
        rows = dataset.part(split)
        for name in dataset.classes:
            (root / split / name).mkdir(parents=True, exist_ok=True)
        for path, label, image_id in zip(dataset.paths(rows), rows["label"], rows["image_id"], strict=True):
            (root / split / label / f"{image_id}{path.suffix}").symlink_to(path.resolve())


def _geometry(augment: Augment, size: int, kit: object) -> list[object]:
    """Crop, flips and rotation from ``torchvision.transforms`` or its v2."""
    ratio = augment.crop_ratio
    steps = [kit.RandomResizedCrop(size, scale=(augment.crop_scale, 1.0), ratio=(1 / ratio, ratio))]
    steps += [kit.RandomHorizontalFlip()] if augment.flip_horizontal else []
    steps += [kit.RandomVerticalFlip()] if augment.flip_vertical else []
    bilinear = transforms.InterpolationMode.BILINEAR
    return steps + ([kit.RandomRotation(augment.rotation, interpolation=bilinear)] if augment.rotation else [])


def _colour(augment: Augment, kit: object) -> list[object]:
    ranges = (augment.brightness, augment.contrast, augment.saturation, augment.hue)
    return [kit.ColorJitter(*ranges)] if any(ranges) else []


def _whole(size: int, last: list[object]) -> object:
    return transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size), *last])


class Loop:
    """One peer's training; ``tuned`` chooses which."""

    def __init__(self, config: TrainConfig, folders: Path, device: torch.device, *, workers: int, tuned: bool):
        self.config, self.device, self.tuned = config, device, tuned
        self.gpu = device.type == "cuda"
        torch.manual_seed(config.seed)
        classes = sorted(p.name for p in (folders / "train").iterdir())
        self.network = build_network(config, len(classes))
        self.module = self.network.module.to(device)
        if tuned:
            self.module = self.module.to(memory_format=torch.channels_last)
        normalise = (self.network.mean, self.network.std)
        self.train, self.on_device = self._train_set(folders / "train", normalise)
        to_tensor = [transforms.ToTensor(), transforms.Normalize(*normalise)]
        self.val = ImageFolder(folders / "val", _whole(config.image_size, to_tensor))
        options = {"num_workers": workers, "pin_memory": self.gpu}
        if tuned and workers:
            options |= {"persistent_workers": True, "prefetch_factor": 4}
        self.loader = DataLoader(self.train, config.batch_size, shuffle=True, drop_last=False, **options)
        self.val_loader = DataLoader(self.val, config.batch_size, **options)
        counts = np.bincount(self.train.targets, minlength=len(classes))
        weights = class_weights(config.class_weights, counts)
        self.weights = torch.tensor(weights, dtype=torch.float32, device=device)
        self.optimizer = self._optimizer()
        dtype = torch.bfloat16 if tuned or not self.gpu else torch.float16
        self.autocast = torch.amp.autocast(device.type, dtype=dtype, enabled=self.gpu)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.gpu and dtype == torch.float16)
        self.ema = ModelEmaV3(self.module, config.ema_decay, use_warmup=True) if config.ema_decay else None

    def _train_set(self, folder: Path, normalise: tuple) -> tuple[ImageFolder, Callable]:
        augment, size = self.config.augment, self.config.image_size
        if not self.tuned:
            steps = [*_geometry(augment, size, transforms), *_colour(augment, transforms), transforms.ToTensor()]
            return ImageFolder(folder, transforms.Compose([*steps, transforms.Normalize(*normalise)])), lambda x: x
        first = [v2.PILToTensor(), *_geometry(augment, size, v2)]
        last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(*normalise)]
        if self.gpu:  # v2 draws colours once for a whole batch
            return ImageFolder(folder, v2.Compose(first)), v2.Compose([*_colour(augment, v2), *last])
        return ImageFolder(folder, v2.Compose([*first, *_colour(augment, v2), *last])), lambda x: x

    def _optimizer(self) -> torch.optim.Optimizer:
        if self.tuned:
            return make_optimizer(self.config, self.module, self.network.head)  # fused on a GPU
        groups = make_optimizer(self.config, self.module, self.network.head).param_groups
        kept = ("params", "lr", "peak", "weight_decay")
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.config.optimizer]
        return kind([{name: group[name] for name in kept} for group in groups])

    def run(self, stop_after: int = 0) -> Outcome:
        """Train to the end, or stop the same schedule after ``stop_after`` epochs."""
        best, rates, epochs, step = -1.0, [], [], 0
        batches = len(self.loader)
        total, warmup = self.config.epochs * batches, round(self.config.warmup_epochs * batches)
        for _ in range(stop_after or self.config.epochs):
            started = time.perf_counter()
            self.module.train()
            if self.config.freeze_norm:
                freeze_norm(self.module, every=True)
            shown = 0.0
            for images, labels in self.loader:
                set_rate(self.optimizer, rate_share(self.config.schedule, step, total=total, warmup=warmup))
                loss = self._step(images, labels)
                step += 1
                if not self.tuned or step % 25 == 0:
                    shown += loss.item()  # the running loss that a plain loop prints
            if self.gpu:
                torch.cuda.synchronize()
            rates.append(len(self.train) / (time.perf_counter() - started))
            score = self._validate()
            if score > best:
                best, self.kept = score, copy.deepcopy(self._judged().state_dict())
            epochs.append(time.perf_counter() - started)
        return Outcome(best, float(np.median(rates[1:] or rates)), epochs)

    def _judged(self) -> torch.nn.Module:
        return self.ema.module if self.ema else self.module

    def _move(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device, non_blocking=self.tuned)
        return images.contiguous(memory_format=torch.channels_last) if self.tuned else images

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        config, labels = self.config, labels.to(self.device, non_blocking=self.tuned)
        images = self.on_device(self._move(images))
        with self.autocast:
            logits = self.module(images)
        loss = F.cross_entropy(logits.float(), labels, self.weights, label_smoothing=config.label_smoothing)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if config.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            self.ema.update(self.module)
        return loss.detach()

    @torch.inference_mode()
    def _validate(self) -> float:
        judged = self._judged().eval()
        predicted = []
        for images, _ in self.val_loader:
            with self.autocast:
                predicted.append(judged(self._move(images)).argmax(1).cpu())
        truth = np.array(self.val.targets)
        return float(f1_score(truth, torch.cat(predicted).numpy(), average="macro", labels=np.unique(truth)))
