"""The run folder during training: its lock, configuration, record and resumption."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import tomlkit

from dermbench.artifacts import RunRecord
from dermbench.artifacts.files import write_text
from dermbench.artifacts.guarded import read_toml
from dermbench.artifacts.outputs import LOCK, is_leftover, remove_leftovers, sole_writer
from dermbench.artifacts.run import CHECKPOINT, CONFIG, HISTORY, PREDICTIONS, RUN, WEIGHTS
from dermbench.errors import DermbenchError, ResumableError, UsageError
from dermbench.training.run.checkpoint import LAST
from dermbench.training.run.configure import differing, load_config, validate
from dermbench.training.run.stopping import InterruptedRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dermbench.artifacts import Dataset
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.folds import FoldedData
    from dermbench.training.run.context import Job

LOCK_SECONDS = 1.0
WRITTEN = {CONFIG, WEIGHTS, HISTORY, PREDICTIONS}
"""Files that may remain from a run that was killed before it had a record."""
VALIDATION = "val.parquet"
"""Validation predictions that training writes."""
FREE = {"checkpoint_minutes", "checkpoint_steps", "device", "micro_batch"}
"""Options that may change when a run is resumed, because the result does not depend on them."""


class RunFolder:
    """A run folder, made when the run starts."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.last = self.path / CHECKPOINT / LAST

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from training in this folder during the block."""
        with sole_writer(self.path, seconds=LOCK_SECONDS):
            remove_leftovers(self.path / CHECKPOINT)
            remove_leftovers(self.path / PREDICTIONS, [VALIDATION])
            yield

    def record(self) -> RunRecord | None:
        """Return the content of ``run.json``, None for a folder without one."""
        return RunRecord.read(self.path / RUN) if (self.path / RUN).is_file() else None

    def choose_config(
        self,
        *,
        preset: str | None,
        config: Path | str | None,
        overrides: Sequence[str],
        seed: int | None,
        resume: bool,
    ) -> TrainConfig:
        """Return the configuration of a new run, or that of the run to resume.

        :class:`UsageError` when the folder holds a run and ``resume`` is False, holds none and ``resume`` is True,
        or holds a run with another configuration.
        """
        there = self.record()
        if there is None:
            self._refuse_foreign(resume=resume)
            return load_config(preset=preset, config=config, overrides=overrides, seed=seed)
        if not resume:
            raise UsageError(
                f"{self.path} already holds a run ({there.status})",
                remedy="Go on with it with --resume, or choose another --out.",
            )
        kept = validate(str(self.path / CONFIG), read_toml(self.path / CONFIG))
        base = self.path / CONFIG if preset is None and config is None else config
        asked = load_config(preset=preset, config=base, overrides=overrides, seed=seed)
        changes = differing(kept.model_dump(exclude=FREE), asked.model_dump(exclude=FREE))
        if changes:
            raise UsageError(
                f"{self.path} holds a run with another configuration ({'; '.join(changes)})",
                remedy="Resume it without --preset, --config, --set and --seed, or choose another --out.",
            )
        return asked

    def check_dataset(self, dataset: Dataset) -> None:
        """Refuse to resume on another dataset."""
        there = self.record()
        if there is not None and there.dataset_digest != dataset.info.digest:
            raise UsageError(
                f"{self.path} was trained on other data than {dataset.root} "
                f"({there.dataset_digest} and {dataset.info.digest})",
                remedy="Resume it with the dataset it started on, or choose another --out.",
            )

    def check_held_out(self, dataset: FoldedData) -> None:
        """Refuse to resume when the fold holds out other images than at the start of the run."""
        there = self.record()
        if there is not None and there.held_out not in {"", dataset.held_out}:
            raise UsageError(
                f"the fold of {self.path} held out other images when the run started "
                f"({there.held_out} and {dataset.held_out})",
                remedy="Resume it with the version of dermbench it was started with, or choose another --out.",
            )

    def write_config(self, record: RunRecord) -> None:
        """Write ``config.toml``, which marks a folder that training may write to again."""
        write_text(self.path / CONFIG, tomlkit.dumps(record.config))

    @contextmanager
    def recording(self, record: RunRecord, dataset: Dataset, job: Job) -> Iterator[None]:
        """Record the run as running, and as interrupted when a signal or an error stops the block.

        Ctrl-C raises :class:`InterruptedRunError` with the command that resumes the run.
        """
        if job.world.first:
            self.write_config(record)  # first, so that a record never lacks a configuration
            self.write(record)
        try:
            yield
        except (KeyboardInterrupt, InterruptedRunError) as error:
            self._leave(record, job)
            raise InterruptedRunError(
                str(error) or f"interrupted; {self.path} keeps its last checkpoint",
                remedy=f"Resume with: dermbench train --data {dataset.root} --out {self.path} --resume",
            ) from error
        except ResumableError:
            self._leave(record, job)
            raise
        except DermbenchError:
            if self.last.is_file():
                self._leave(record, job)
            elif job.world.first:
                for name in (RUN, CONFIG):  # bad input before the first checkpoint
                    (self.path / name).unlink(missing_ok=True)
            raise

    def _leave(self, record: RunRecord, job: Job) -> None:
        """Record that the run can be resumed; if that fails, a record that says ``running`` can be resumed too."""
        if job.world.first:
            with job.stopper.held_back(), suppress(DermbenchError):
                self.write(record.model_copy(update={"status": "interrupted"}))

    def write(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        record.write(self.path / RUN)

    def _refuse_foreign(self, *, resume: bool) -> None:
        if resume:
            raise UsageError(f"{self.path} holds no run to resume", remedy="Start it without --resume.")
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file, not a folder")
        names = [file.name for file in self.path.iterdir()] if self.path.is_dir() else []
        inside = [name for name in names if name != LOCK and not is_leftover(name)]
        if inside and not (CONFIG in inside and set(inside) <= WRITTEN):
            raise UsageError(
                f"{self.path} is not empty and holds no run ({', '.join(sorted(inside)[:3])})",
                remedy="Choose another --out.",
            )
