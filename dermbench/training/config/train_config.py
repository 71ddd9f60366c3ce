"""Configuration of a training run: typed and complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from dermbench.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARGIN = 1.14
"""Side of the cached image over the side the network sees, when ``cache_size`` is 0 and crops are drawn."""

NAMED = ("class_weights", "sampler", "labels", "optimizer", "schedule", "selection")
"""Options that name an entry of a table of another room."""


@dataclass(frozen=True)
class Names:
    """Names that a configuration may use; given as the context of validation, so that this room knows no other.

    Attributes
    ----------
    tables
        Known names by option, for each of :data:`NAMED`.
    options
        Complete options of a training method, from its name and the given ones.

    Raises
    ------
        ValueError
            When the method or an option of it is unknown or wrong.
    """

    tables: Mapping[str, Mapping[str, Any]]
    options: Callable[[str, dict[str, Any]], dict[str, Any]]


class Augment(BaseModel):
    """Augmentation, drawn anew for every image.

    Attributes
    ----------
    crop_scale
        Smallest share of the image area that a random crop keeps; 1 crops nothing.
    crop_ratio
        Largest distortion r of the crop: its aspect is drawn from 1/r to r.
    flip_horizontal, flip_vertical
        Whether half of the images are flipped.
    rotation
        Largest rotation in degrees, either way.
    brightness, contrast, saturation
        Largest relative change.
    hue
        Largest shift in turns (0.05 is 18 degrees).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop_scale: float = Field(1.0, gt=0, le=1)
    crop_ratio: float = Field(1.0, ge=1, le=3)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: float = Field(0.0, ge=0, le=180)
    brightness: float = Field(0.0, ge=0, lt=1)
    contrast: float = Field(0.0, ge=0, lt=1)
    saturation: float = Field(0.0, ge=0, lt=1)
    hue: float = Field(0.0, ge=0, le=0.5)


class TrainConfig(BaseModel):
    """Everything that decides what a run computes. Zero switches an optional part off.

    Attributes
    ----------
    model, pretrained, weights
        Network by its timm name; whether to start from pretrained weights; a local file of weights.
    image_size, cache_size
        Side in pixels that the network sees, and side of the cached images (0: chosen from the crops).
    crop_mode
        How an image becomes a square: ``center`` scales its shorter side and keeps the centre, ``squash`` scales
        both sides and keeps everything, out of shape.
    progressive
        Smaller images first: shares of the run at which stages begin, each with its side in pixels, such as
        ``[[0.0, 256], [0.4, 320], [0.7, 380]]``; the last side is ``image_size``. Empty: one size.
    epochs, max_steps, batch_size
        Length of the run; ``max_steps`` ends it after so many optimisation steps.
    probe_l2
        Strength of the L2 penalty of a linear probe on frozen features that sets the classifier before
        training (0: no probe). With ``epochs = 0`` the probe is all there is.
    optimizer, learning_rate, head_rate, weight_decay, clip_norm
        ``head_rate`` multiplies the learning rate of the classifier.
    schedule, warmup_epochs
        Course of the learning rate.
    method, method_options, group_by
        Training method by name, or several joined by ``+``, with its options; the column of the manifest
        whose values are the groups that methods, samplers and selection rules mean.
    label_smoothing, class_weights, sampler, labels
        What is minimised over which images; ``labels = "shuffled"`` is the control at chance.
    dropout, drop_path, ema_decay, freeze_norm, frozen_stages
        Regularisation; ``freeze_norm`` keeps the statistics of batch normalisation; ``frozen_stages`` keeps
        the first stages of the network as they are, the stem counted, which also makes a step cheaper.
    selection, patience
        Rule on ``val`` that picks the epoch, and epochs without a better one before the run ends.
    validate_every
        Epochs from one validation to the next, and to the last epoch; more than 1 where no rule looks at any but
        that one (``selection = "last"``, ``patience = 0``).
    folds, fold
        Cut the images of ``train`` and ``val`` anew into so many parts and validate on part ``fold`` (from 0),
        train on the others (0: the splits of the dataset). Runs of all folds hold out each image once.
    allow_missing_classes
        Whether a class may be without a training image.
    seed, device, precision, acceleration, deterministic
        How it is computed. ``acceleration``: ``auto`` records the network's passes on a GPU as CUDA graphs and
        computes normalisation with activation, and squeeze-and-excitation, in fewer passes over memory; on a
        CPU it is ``eager``, which does nothing. ``compile`` and ``reduce-overhead`` are modes of
        ``torch.compile``, which takes minutes before the first step;
        ``deterministic`` allows only operations that give the same bits each time (always so on a CPU).
    micro_batch
        Most images that a process computes at a time; a batch is then computed in parts (0: at once).
    checkpoint_minutes, checkpoint_steps
        How often to save within an epoch (0: at its end only).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(min_length=1)
    pretrained: bool = True
    weights: str = ""
    image_size: int = Field(224, ge=16, le=2048)
    cache_size: int = Field(0, ge=0, le=4096)
    crop_mode: Literal["center", "squash"] = "center"
    progressive: tuple[tuple[float, int], ...] = ()
    epochs: int = Field(30, ge=0, le=100_000)
    max_steps: int = Field(0, ge=0)
    batch_size: int = Field(32, ge=1)
    probe_l2: float = Field(0.0, ge=0)
    optimizer: str = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=100)
    head_rate: float = Field(1.0, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    clip_norm: float = Field(0.0, ge=0)
    schedule: str = "constant"
    warmup_epochs: float = Field(0.0, ge=0)
    method: str = "erm"
    method_options: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    group_by: str = "fst"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    class_weights: str = "balanced"
    sampler: str = "shuffle"
    labels: str = "true"
    dropout: float = Field(0.0, ge=0, lt=1)
    drop_path: float = Field(0.0, ge=0, lt=1)
    ema_decay: float = Field(0.0, ge=0, lt=1)
    freeze_norm: bool = False
    frozen_stages: int = Field(0, ge=0, le=100)
    selection: str = "macro_f1"
    patience: int = Field(0, ge=0)
    validate_every: int = Field(1, ge=1)
    folds: int = Field(0, ge=0, le=100)
    fold: int = Field(0, ge=0, validate_default=True)
    allow_missing_classes: bool = False
    seed: int = Field(0, ge=0, lt=2**63)
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    acceleration: Literal["auto", "eager", "compile", "reduce-overhead"] = "auto"
    deterministic: bool = False
    micro_batch: int = Field(0, ge=0)
    checkpoint_minutes: float = Field(10.0, ge=0)
    checkpoint_steps: int = Field(0, ge=0)
    augment: Augment = Field(default_factory=Augment)

    @field_validator(*NAMED)
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        table = info.context.tables[str(info.field_name)] if isinstance(info.context, Names) else None
        if table is not None and name not in table:
            raise ValueError(f"{name!r} is unknown; {suggest(name, table)}")
        return name

    @field_validator("validate_every")
    @classmethod
    def _seen_by_no_rule(cls, every: int, info: ValidationInfo) -> int:
        if every > 1 and (info.data.get("selection") != "last" or info.data.get("patience")):
            raise ValueError("epochs can be left out where selection is 'last' and patience 0")
        return every

    @field_validator("folds")
    @classmethod
    def _several(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves nothing to train on; 0 is no folds")
        return folds

    @field_validator("fold")
    @classmethod
    def _one_of_them(cls, fold: int, info: ValidationInfo) -> int:
        if fold >= max(1, info.data.get("folds", fold + 1)):
            raise ValueError("folds are counted from 0 to folds - 1")
        return fold

    @field_validator("method_options")
    @classmethod
    def _complete_options(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if not isinstance(info.context, Names) or "method" not in info.data:
            return values
        return info.context.options(info.data["method"], values)

    @field_validator("progressive")
    @classmethod
    def _rising(cls, stages: tuple[tuple[float, int], ...], info: ValidationInfo) -> tuple[tuple[float, int], ...]:
        shares, sizes = [share for share, _ in stages], [size for _, size in stages]
        if stages and not (shares[0] == 0 and shares == sorted(set(shares)) and shares[-1] < 1):
            raise ValueError("the shares must start at 0, rise and stay below 1")
        if stages and not (sizes[0] >= 16 and sizes == sorted(sizes) and sizes[-1] == info.data.get("image_size")):
            raise ValueError("the sides must be 16 or more, not fall, and end at image_size")
        return stages

    @property
    def held_out(self) -> str:
        """What the run is validated on, in words."""
        return f"fold {self.fold} of {self.folds} of train+val" if self.folds else "val"

    @property
    def cached_side(self) -> int:
        """Side of the cached images in pixels."""
        if self.cache_size:
            return self.cache_size
        return self.image_size if self.augment.crop_scale == 1 else round(self.image_size * MARGIN)
