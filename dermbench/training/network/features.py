"""Features of frozen networks, computed once and kept in the dataset's cache folder.

The name of a file is a hash of everything that its content depends on, so the cache never changes a result.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import timm
import torch

from dermbench.artifacts.files import locked
from dermbench.artifacts.network_headers import FeaturesHeader, read_header
from dermbench.errors import DermbenchError, UsageError
from dermbench.training.network.network import probe_features
from dermbench.training.network.scoring import ALONE, batch_bounds, collect, merge, whole_batches
from dermbench.training.network.tensor_files import read_safetensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.distributed import World
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples
    from dermbench.training.network.network import Network

LOCK_SECONDS = 3600.0


def kept_features(
    network: Network, samples: Samples, config: TrainConfig, runtime: Runtime, world: World = ALONE
) -> NDArray[np.float64]:
    """Return the features of all images of a split, shape (n_samples, n_features), from the cache if possible.

    Features are computed in evaluation mode from whole images. Several processes share the work and write no file.
    """
    if samples.folder is None or world.size > 1:
        return compute_features(network, samples, config, runtime, world=world)
    target = samples.folder / f"features-{_key(network, samples, config, runtime)[:16]}.safetensors"
    found = _read(target, len(samples))
    if found is None:
        with suppress(UsageError), locked(target.with_suffix(".lock"), seconds=LOCK_SECONDS):
            found = _read(target, len(samples))
            if found is None:
                found = compute_features(network, samples, config, runtime)
                _write(target, found)
    return compute_features(network, samples, config, runtime) if found is None else found  # a read-only folder


def compute_features(
    network: Network,
    samples: Samples,
    config: TrainConfig,
    runtime: Runtime,
    *,
    index: NDArray[np.int64] | None = None,
    world: World = ALONE,
) -> NDArray[np.float64]:
    """Return the features of the images ``index`` (by default all), shape (n, n_features)."""
    rows = np.arange(len(samples)) if index is None else index
    size, batch_size = config.image_size, config.batch_size
    batches = whole_batches(samples, network, runtime, size=size, batch_size=batch_size, index=rows, world=world)
    own = collect(lambda images: probe_features(network, images), batches, network, runtime)
    return merge(own, batch_bounds(len(rows), batch_size, world), len(rows), world, runtime.device)


def _key(network: Network, samples: Samples, config: TrainConfig, runtime: Runtime) -> str:
    about = {
        "weights": _weights_digest(network),
        "model": config.model,
        "layers": sorted({type(layer).__name__ for layer in network.module.modules()}),
        "images": samples.digest,
        "normalisation": [*network.mean, *network.std],
        "size": [config.image_size, config.batch_size],
        "runtime": [runtime.name, runtime.precision],
        "versions": [torch.__version__, timm.__version__],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _weights_digest(network: Network) -> str:
    """Return a hash of all weights except the classifier's."""
    head = {id(tensor) for tensor in network.head.state_dict(keep_vars=True).values()}
    digest = hashlib.sha256()
    for name, tensor in network.module.state_dict(keep_vars=True).items():
        if id(tensor) not in head:
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write(target: Path, features: NDArray[np.float64]) -> None:
    tensor = torch.from_numpy(features).float()  # the network's float32: collect only widens it
    write_tensors(target, {"features": tensor}, {"crc32": zlib.crc32(tensor.numpy().tobytes())})


def _read(target: Path, n_samples: int) -> NDArray[np.float64] | None:
    """Return the features in a cache file; None if it is absent or damaged."""
    if not target.is_file():
        return None
    with suppress(DermbenchError, KeyError):
        header, tensor = read_header(target, FeaturesHeader), read_safetensors(target)["features"]
        if header is not None and tensor.ndim == 2 and len(tensor) == n_samples and tensor.dtype == torch.float32:
            kept: NDArray[Any] = tensor.numpy()
            return kept.astype("float64") if zlib.crc32(kept.tobytes()) == header.crc32 else None
    return None
