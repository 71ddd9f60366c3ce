"""TensorBoard, Weights & Biases and MLflow as listeners of a run, through accelerate's trackers."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dermbench.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dermbench.training.run.context import Job

LOGS = "logs"
"""Folder in the run folder that local logs go to."""
PROJECT = "dermbench"


def _tensorboard(tracker: Any, folder: Path) -> Any:
    return tracker("tensorboard", logging_dir=str(folder / LOGS))


def _wandb(tracker: Any, folder: Path) -> Any:
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    return tracker(PROJECT, name=folder.name, dir=str(folder / LOGS))


def _mlflow(tracker: Any, folder: Path) -> Any:
    return tracker(PROJECT, logging_dir=str(folder / LOGS / "mlflow"), run_name=folder.name)


LOGGERS: Mapping[str, Callable[[Any, Path], Any]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
"""Loggers by name, which is also that of the package each needs: makes a tracker from its class."""


def check_loggers(names: Sequence[str]) -> None:
    """Refuse loggers whose packages are not installed.

    Raises
    ------
    MissingDependencyError
        Naming all that are missing.
    """
    if absent := [name for name in names if find_spec(name) is None]:
        raise MissingDependencyError(
            f"loggers need packages that are not installed: {', '.join(absent)}",
            remedy=f"python -m pip install {' '.join(absent)}",
        )


@contextmanager
def logged(job: Job) -> Iterator[None]:
    """Send configuration and every row of the history to the loggers of a run during the block."""
    trackers = [_start(name, job) for name in job.config.loggers if job.world.first]
    for tracker in trackers:
        job.reporter.listeners.append(partial(_send, tracker))
    try:
        yield
    finally:
        for tracker in trackers:
            tracker.finish()


def _start(name: str, job: Job) -> Any:
    from accelerate import PartialState  # noqa: PLC0415 - only runs with loggers need it
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS  # noqa: PLC0415

    PartialState(cpu=job.runtime.device.type != "cuda")  # trackers refuse to speak without it
    tracker = LOGGERS[name](LOGGER_TYPE_TO_CLASS[name], job.folder)
    tracker.main_process_only = False  # dermbench asks its first process only, and knows which that is
    if hasattr(tracker, "start"):  # older versions start when they are made
        tracker.start()
    tracker.store_init_configuration(flat(job.config.model_dump(mode="json")))
    return tracker


def _send(tracker: Any, row: Mapping[str, Any]) -> None:
    values = {name: float(value) for name, value in row.items() if value is not None and name != "epoch"}
    tracker.log(values, step=int(row["epoch"]))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values under dotted names; lists become text."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return found
