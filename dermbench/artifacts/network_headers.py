"""Headers of weights, of saved features, and of ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    StrictInt,
    field_validator,
    model_validator,
)

from dermbench.artifacts.guarded import parse_json
from dermbench.artifacts.records import validated
from dermbench.artifacts.tensor_header import read_metadata
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from pathlib import Path

M = TypeVar("M", bound=BaseModel)

HEADER = "dermbench"
"""Metadata key of the header that dermbench writes."""
FROM_FILES = {"checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"}
"""Arguments that make timm read other files."""


def _distinct(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) < len(classes):
        raise ValueError("a class is named twice")
    return classes


def as_json(values: object) -> object:
    """Return values with tuples converted to lists, as in JSON."""
    if isinstance(values, dict):
        return {key: as_json(value) for key, value in values.items()}
    return [as_json(value) for value in values] if isinstance(values, list | tuple) else values


Classes = Annotated[tuple[str, ...], AfterValidator(_distinct)]
Spread = Annotated[FiniteFloat, Field(gt=0)]
Means = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Spreads = tuple[Spread, Spread, Spread]
Side = Annotated[int, Field(strict=True, ge=1, le=4096)]
Count = Annotated[int, Field(strict=True, ge=0, le=100)]


class Origin(BaseModel):
    """Description of a network from the hub.

    Attributes
    ----------
    architecture
        Name of the architecture in timm.
    args, cfg
        Arguments of its constructor, and pretrained configuration of timm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    args: dict[str, JsonValue] = Field(default_factory=dict)
    cfg: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("args", "cfg", mode="before")
    @classmethod
    def _as_json(cls, values: object) -> object:
        return as_json(values)

    @field_validator("args")
    @classmethod
    def _reads_no_files(cls, args: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if names := sorted(FROM_FILES & args.keys()):
            raise ValueError(f"may not hold {name_some(names)}")
        return args


class WeightsHeader(BaseModel):
    """Header of a file of weights that dermbench wrote; missing entries have their defaults.

    Attributes
    ----------
    model, classes
        Name of the network, and the classes of its outputs, in order.
    mean, std
        Normalisation of pixels in [0, 1], one value per channel.
    origin
        Description of a network from the hub.
    dataset, held_out
        Content hash of the training dataset, and hash of the ids of the validation images.
    """

    model_config = ConfigDict(frozen=True)

    model: str = ""
    classes: Classes = ()
    mean: Means | None = None
    std: Spreads | None = None
    origin: Origin | None = None
    dataset: str = ""
    held_out: str = ""

    @field_validator("origin", mode="before")
    @classmethod
    def _none_is_empty(cls, origin: object) -> object:
        return origin or None


class FeaturesHeader(BaseModel):
    """Header of a file of saved features: the checksum of its bytes."""

    crc32: StrictInt


class OnnxHeader(BaseModel):
    """Metadata of an ONNX model.

    Attributes
    ----------
    classes
        Classes of the outputs, in order.
    image_size, cache_size, crop_mode
        Side of input images and of cached images in pixels, and the method that makes an image square.
    mean, std
        Normalisation of pixels in [0, 1], one value per channel.
    folds, fold, dataset, held_out
        Data for training and validation; see :class:`dermbench.artifacts.RunRecord`.
    """

    model_config = ConfigDict(frozen=True)

    classes: Classes = Field(min_length=1)
    image_size: Side
    cache_size: Side
    crop_mode: Literal["center", "squash"] = "center"
    mean: Means
    std: Spreads
    folds: Count = 0
    fold: Count = 0
    dataset: str = ""
    held_out: str = ""

    @model_validator(mode="after")
    def _is_a_fold(self) -> Self:
        if self.folds == 1 or self.fold >= max(1, self.folds):
            raise ValueError(f"fold {self.fold} of {self.folds} does not exist")
        return self


def read_header(path: Path, model: type[M]) -> M | None:
    """Return the header that dermbench wrote into a safetensors file; None for files of other programs.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When the header is damaged or its values are invalid.
    """
    text = read_metadata(path, HEADER)
    if text is None:
        return None
    try:
        return validated(path, model, parse_json(path, text))
    except InputError as error:
        raise InputError(path, [f"its header: {problem}" for problem in error.problems]) from error
