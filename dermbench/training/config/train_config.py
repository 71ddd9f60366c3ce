"""Configuration of a training run: typed and complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from dermbench.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARGIN = 1.14
"""Ratio of cached to network image side when ``cache_size`` is 0 and crops are drawn."""

NAMED = ("class_weights", "sampler", "labels", "optimizer", "schedule", "selection")
"""Options whose values are names in tables of other rooms."""


@dataclass(frozen=True)
class Names:
    """Names that a configuration may use, passed as pydantic's validation context to avoid an import cycle.

    Attributes
    ----------
    tables
        Known names for each option of :data:`NAMED`.
    method
        Function that raises ValueError for an unknown training method or an impossible combination.
    options
        Function that completes the options of a training method; raises ValueError for unknown or wrong ones.
    """

    tables: Mapping[str, Mapping[str, Any]]
    method: Callable[[str], None]
    options: Callable[[str, dict[str, Any]], dict[str, Any]]


class Augment(BaseModel):
    """Augmentation, drawn anew for every image; docs/reference/training-options.md has units and ranges."""

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
    """All options that determine the result of a run; 0 switches an optional part off.

    docs/reference/training-options.md describes each option; a test compares that page with this class.
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
            raise ValueError("epochs without validation need selection 'last' and patience 0")
        return every

    @field_validator("folds")
    @classmethod
    def _several(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves nothing to train on; 0 switches folds off")
        return folds

    @field_validator("fold")
    @classmethod
    def _one_of_them(cls, fold: int, info: ValidationInfo) -> int:
        if fold >= max(1, info.data.get("folds", fold + 1)):
            raise ValueError("folds are counted from 0 to folds - 1")
        return fold

    @field_validator("method")
    @classmethod
    def _known_method(cls, name: str, info: ValidationInfo) -> str:
        if isinstance(info.context, Names):
            info.context.method(name)
        return name

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
        """Name for people of the images that the run is validated on."""
        return f"fold {self.fold} of {self.folds} of train+val" if self.folds else "val"

    @property
    def cached_side(self) -> int:
        """Side of the cached images in pixels."""
        if self.cache_size:
            return self.cache_size
        return self.image_size if self.augment.crop_scale == 1 else round(self.image_size * MARGIN)
