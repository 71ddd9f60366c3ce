"""The context that all parts of a training run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dermbench.training.config.distributed import World
from dermbench.training.run.stopping import Stopper

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.run.progress import Reporter


@dataclass(frozen=True)
class Job:
    """One training run on its machine.

    ``world`` is this process among those that share the work, ``stopper`` handles signals that stop the run, and
    ``identity`` (model, classes, data) must match that of a checkpoint.
    """

    config: TrainConfig
    runtime: Runtime
    folder: Path
    reporter: Reporter
    world: World = field(default_factory=World)
    stopper: Stopper = field(default_factory=Stopper)
    identity: dict[str, Any] = field(default_factory=dict)
