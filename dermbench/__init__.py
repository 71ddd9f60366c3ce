"""dermbench: benchmark and fairness evaluation of skin-lesion classifiers.

Every stage is one function: :func:`load_dataset`, :func:`prepare`, :func:`check`, :func:`train`, :func:`predict`,
:func:`embed`, :func:`explain`, :func:`evaluate`, :func:`compare`, :func:`plan`. All public names are imported on
first use, which keeps ``import dermbench`` fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dermbench.version import __version__

if TYPE_CHECKING:
    from dermbench.api.datasets import check, load_dataset, prepare
    from dermbench.api.evaluation import compare, evaluate
    from dermbench.api.models import embed, explain, predict, train
    from dermbench.api.planning import plan
    from dermbench.artifacts.manifest import Dataset
    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.run import Run
    from dermbench.results import ComparisonResult, EvaluationResult, PlanResult

__all__ = [
    "ComparisonResult",
    "Dataset",
    "EvaluationResult",
    "PlanResult",
    "Predictions",
    "Run",
    "__version__",
    "check",
    "compare",
    "embed",
    "evaluate",
    "explain",
    "load_dataset",
    "plan",
    "predict",
    "prepare",
    "train",
]

if not TYPE_CHECKING:
    _PLACES = {
        "dermbench.api.datasets": ("check", "load_dataset", "prepare"),
        "dermbench.api.evaluation": ("compare", "evaluate"),
        "dermbench.api.models": ("embed", "explain", "predict", "train"),
        "dermbench.api.planning": ("plan",),
        "dermbench.artifacts.manifest": ("Dataset",),
        "dermbench.artifacts.predictions": ("Predictions",),
        "dermbench.artifacts.run": ("Run",),
        "dermbench.results": ("ComparisonResult", "EvaluationResult", "PlanResult"),
    }
    _MODULES = {name: module for module, names in _PLACES.items() for name in names}

    def __getattr__(name: str) -> Any:
        """Import a public name from its module on first use."""
        if name in _MODULES:
            return getattr(import_module(_MODULES[name]), name)
        raise AttributeError(f"module 'dermbench' has no attribute {name!r}")

    def __dir__() -> list[str]:
        """List the public names, including those not imported yet."""
        return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
