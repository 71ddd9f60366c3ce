"""Training, prediction and explanation: the only room that imports torch and timm."""

import warnings

from dermbench.errors import MissingDependencyError

try:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # in notebooks; tqdm's bars are not used
        import timm  # noqa: F401 - one message if either fails
        import torch  # noqa: F401
except (ImportError, RuntimeError, OSError) as error:
    raise MissingDependencyError(
        f"training needs torch, torchvision and timm, which cannot be imported: {error}",
        remedy="python -m pip install 'dermbench[train]'",
    ) from error

from dermbench.training.explain import explain
from dermbench.training.predict import predict
from dermbench.training.predicting.embed import embed
from dermbench.training.predicting.export import export
from dermbench.training.run.configure import load_config, preset_names
from dermbench.training.run.stopping import InterruptedRunError
from dermbench.training.train import train

__all__ = [
    "InterruptedRunError",
    "embed",
    "explain",
    "export",
    "load_config",
    "predict",
    "preset_names",
    "train",
]
