"""The training loop: take steps, validate, write checkpoints, stop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dermbench.artifacts.run import CHECKPOINT, HISTORY, write_history
from dermbench.errors import InputError, ResumableError, name_some
from dermbench.training.config.seeding import numpy_generator
from dermbench.training.network.network import Network, freeze_norm
from dermbench.training.network.scoring import predict_logits, validation_scores
from dermbench.training.network.tensor_files import as_input_error, like, write_tensors
from dermbench.training.run.checkpoint import LAST, START_AGAIN, best_name, load_state, save_state
from dermbench.training.run.failures import explained, kept_on_failure
from dermbench.training.run.selection import SELECTIONS
from dermbench.training.run.step import Stepper
from dermbench.training.run.stopping import InterruptedRunError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.training.data.groups import Groups
    from dermbench.training.data.pixels import Samples
    from dermbench.training.methods import Method
    from dermbench.training.run.checkpoint import State
    from dermbench.training.run.context import Job

CHECK_EVERY = 25
"""Number of steps between checks of the loss on a GPU, because each check waits for the device."""

LARGER = 4
"""Factor of the batch size in validation on a GPU, where batches without gradients need a tenth of the memory."""


class Trainer:
    """Trains one network; everything needed to resume is in a :class:`State`.

    ``samples`` has those of ``train`` and ``val``; ``groups`` are the groups of ``val``.
    """

    def __init__(
        self, job: Job, network: Network, samples: dict[str, Samples], method: Method, groups: Groups
    ) -> None:
        self.job, self.network, self.samples, self.method = job, network, samples, method
        self.groups, self.rule = groups, SELECTIONS[job.config.selection]
        self.config = job.config
        self.stepper = Stepper(job, network, samples["train"], method)
        self._saved, self._counted = time.monotonic(), time.perf_counter()

    @property
    def evaluated(self) -> Network:
        """The network that is validated and kept: the moving average if there is one."""
        if self.stepper.ema is None:
            return self.network
        return Network(self.stepper.ema.module, self.network.mean, self.network.std, self.network.pretrained)

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """Modules whose tensors a checkpoint holds."""
        ema = self.stepper.ema
        return {"model": self.network.module, **({"ema": ema.module} if ema else {})}

    def load(self, path: Path) -> State:
        """Read a checkpoint; :class:`InputError` when it is damaged, of another run or configuration."""
        state = load_state(path, self.modules, self.stepper.optimizer, self.job.identity)
        batches = self.stepper.batches
        inside = bool(state.stopped) or 0 <= state.step - state.epoch * batches <= batches
        if state.epoch > self.config.epochs or not inside:
            where = f"step {state.step} and epoch {state.epoch}"
            problem = f"says {where}, but {self.config.epochs} epochs have {batches} steps each"
            raise InputError(path, [problem], remedy=START_AGAIN)
        with as_input_error(path, "its gradient scaler, method or history is of another run", remedy=START_AGAIN):
            self.stepper.scaler.load_state_dict(state.scaler)
            own = self.method.tensors()
            if odd := [k for k, v in state.method.items() if k in own and not like(own[k], v)]:
                raise ValueError(f"another shape of {name_some(odd)}")
            self.method.load(state.method)
            if state.history:
                int(self.rule.choose(state.history)["epoch"])
        return state

    def run(self, state: State) -> None:
        """Train from ``state`` to the end, with a checkpoint after each epoch and within long epochs.

        A signal to stop raises :class:`InterruptedRunError` after the current step, when the state is saved. A
        loss that is not finite or a failing machine raises :class:`ResumableError`.
        """
        with self.job.stopper.held_back(), explained(self.config, self.job.runtime):
            if not state.history and not state.step and (self.config.probe_l2 or not self.config.epochs):
                self._finish_epoch(state, math.nan, 0)
            while not state.stopped:
                loss, seen = self._epoch(state)
                state.epoch += 1
                self._finish_epoch(state, loss, seen)

    def count(self, state: State) -> None:
        """Add the wall time since the last call to ``state.seconds``."""
        now = time.perf_counter()
        state.seconds["train"] = state.seconds.get("train", 0.0) + now - self._counted
        self._counted = now

    def save(self, state: State) -> None:
        """Write history and checkpoint, then delete the weights of all epochs except the best one."""
        self.count(state)
        self._saved = time.monotonic()
        if not self.job.world.first:
            return
        state.scaler = self.stepper.scaler.state_dict()
        state.method, state.identity = self.method.tensors(), self.job.identity
        checkpoint = self.job.folder / CHECKPOINT
        with kept_on_failure():
            write_history(self.job.folder / HISTORY, state.history)
            save_state(checkpoint / LAST, state, self.modules, self.stepper.optimizer)
        for old in checkpoint.glob("best-*.safetensors"):
            if state.best_epoch is None or old.name != best_name(state.best_epoch):
                old.unlink()

    def _epoch(self, state: State) -> tuple[float, int]:
        """Take the remaining steps of an epoch; return its mean loss and number of images."""
        self.network.module.train()
        if self.config.freeze_norm or self.config.frozen_stages:
            freeze_norm(self.network.module, every=self.config.freeze_norm)
        before, started = state.epoch_seconds, time.perf_counter()
        seen, batches = self._batches(state)
        resumed = seen
        total = torch.tensor(state.loss_sum, dtype=torch.float32, device=self.job.runtime.device)
        text = f"epoch {state.epoch + 1}/{self.config.epochs}"
        with self.job.reporter.bar(text, self.method.size) as advance:
            for index in self.stepper.feed.ahead(state.step, batches):
                total += self._step(state, index) * len(index)
                seen += len(index)
                state.epoch_seconds = before + time.perf_counter() - started
                self._between_steps(state, total)
                advance(seen, f"{(seen - resumed) / (time.perf_counter() - started):.1f}/s")
        self._check(total, state)
        state.loss_sum = float(total)
        return state.loss_sum / seen, seen

    def _batches(self, state: State) -> tuple[int, list[NDArray[np.int64]]]:
        """Return the number of images used in this epoch, and the remaining batches, of nearly equal size."""
        rng = numpy_generator(self.config.seed, "sampler", state.epoch)
        batches = np.array_split(self.method.order(rng), self.stepper.batches)
        done = state.step - state.epoch * self.stepper.batches
        return sum(map(len, batches[:done])), batches[done : done + self.stepper.total - state.step]

    def _step(self, state: State, index: NDArray[np.int64]) -> torch.Tensor:
        loss = self.stepper.take(state.step, index)
        state.step += 1
        return loss

    def _between_steps(self, state: State, total: torch.Tensor) -> None:
        """Check the loss; save if a checkpoint is due or a signal has arrived; after a signal, raise."""
        device, world, stopper = self.job.runtime.device, self.job.world, self.job.stopper
        look = device.type == "cpu" or state.step % CHECK_EVERY == 0
        if look:
            self._check(total, state)
        stop = stopper.requested if world.size == 1 else look and world.any(stopper.requested, device)
        due = self._is_due(state) and world.first and bool(torch.isfinite(total))
        if stop or due:
            state.loss_sum = float(total)
            self.save(state)
        if stop:
            raise InterruptedRunError(
                f"interrupted; {self.job.folder} keeps the state after step {state.step} (epoch {state.epoch + 1})"
            )

    def _is_due(self, state: State) -> bool:
        config, waited = self.config, time.monotonic() - self._saved
        by_steps = config.checkpoint_steps and state.step % config.checkpoint_steps == 0
        return bool(by_steps or (config.checkpoint_minutes and waited > 60 * config.checkpoint_minutes))

    def _check(self, total: torch.Tensor, state: State) -> None:
        if not torch.isfinite(total):
            raise ResumableError(
                f"the loss is not finite at step {state.step} (epoch {state.epoch + 1}); "
                f"{self.job.folder} keeps its last checkpoint",
                remedy="Start a new run with a lower --set learning_rate=..., --set precision=fp32 "
                "or --set clip_norm=1.0.",
            )

    def _finish_epoch(self, state: State, loss: float, seen: int) -> None:
        """Validate, add a row to the history, keep the weights if they are the best so far, and save."""
        row = self._row(state, loss=loss, seen=seen)
        state.history.append(row)
        chosen = self.rule.choose(state.history)
        best = chosen is row
        state.best_epoch = int(chosen["epoch"])
        state.stale = 0 if best else state.stale + 1
        if best and self.job.world.first:
            self._keep_weights(state.epoch)
        self.job.reporter.epoch(row, self.config.epochs, best=best)
        state.loss_sum, state.epoch_seconds = 0.0, 0.0
        state.stopped = self._why_end(state)
        if not state.stopped and 0 < self.config.patience <= state.stale:
            what = f"{self.rule.words} on {self.config.held_out}"
            state.stopped = f"early stopping: no new {what} in {state.stale} epochs"
        self.save(state)

    def _keep_weights(self, epoch: int) -> None:
        path, header = self.job.folder / CHECKPOINT / best_name(epoch), {"epoch": epoch, **self.job.identity}
        with kept_on_failure():
            write_tensors(path, self.evaluated.module.state_dict(), header)

    def _row(self, state: State, *, loss: float, seen: int) -> dict[str, Any]:
        started = time.perf_counter()
        due = not state.epoch % self.config.validate_every or bool(self._why_end(state))
        scores = self._scores(state) if due else {}
        return {
            "epoch": state.epoch,
            "step": state.step,
            "lr": self.config.learning_rate * self.stepper.rate(max(0, state.step - 1)),
            "train_loss": loss if seen else None,
            **scores,
            "images_per_second": seen / state.epoch_seconds if seen else None,
            "seconds": state.epoch_seconds + time.perf_counter() - started,
        }

    def _scores(self, state: State) -> dict[str, Any]:
        """Validate."""
        config, runtime, val = self.config, self.job.runtime, self.samples["val"]
        batch = config.batch_size * (LARGER if runtime.device.type == "cuda" else 1)
        logits = predict_logits(
            val, self.evaluated, runtime, size=config.image_size, batch_size=batch, world=self.job.world
        )
        if not np.isfinite(logits).all():
            raise ResumableError(
                f"the network returns values that are not finite after epoch {state.epoch}",
                remedy="Start a new run with a lower --set learning_rate=... or --set clip_norm=1.0.",
            )
        return validation_scores(val.labels, logits, self.groups)

    def _why_end(self, state: State) -> str:
        """Return why training ends here regardless of the scores; empty if it does not."""
        config = self.config
        if config.max_steps and state.step >= config.max_steps:
            return f"max_steps: {state.step} optimisation steps taken"
        if state.epoch >= config.epochs:
            return f"all {config.epochs} epochs done" if config.epochs else "no epochs asked for"
        return ""
