"""Epochs: draw, augment, step, validate, checkpoint, stop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from timm.utils.model_ema import ModelEmaV3

from dermbench.artifacts.run import CHECKPOINT, HISTORY
from dermbench.errors import ResumableError
from dermbench.training.checkpoint import best_name, load_state, save_state, write_tensors
from dermbench.training.feed import Feed
from dermbench.training.history import write_history
from dermbench.training.model import Network, compiled, freeze_norm
from dermbench.training.optim import make_optimizer, set_rate
from dermbench.training.schedule import rate_share
from dermbench.training.scoring import Normaliser, predict_logits, validation_scores
from dermbench.training.seeding import derive, numpy_generator, torch_generator
from dermbench.training.selection import SELECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.training.checkpoint import State
    from dermbench.training.config import TrainConfig
    from dermbench.training.device import Runtime
    from dermbench.training.methods import Method
    from dermbench.training.pixels import Samples
    from dermbench.training.progress import Reporter

CHECK_EVERY = 25
"""Steps between looks at the loss on a GPU, where each look waits for the device."""


class Trainer:
    """Trains one network; everything that a stop must not lose is in a :class:`State`.

    Parameters
    ----------
    config
        What to do.
    network
        Network on its device.
    samples
        ``train`` and ``val``.
    method
        What is drawn, mixed and minimised.
    runtime
        Device and arithmetic.
    folder
        Run folder.
    reporter
        Where progress goes.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: Network,
        samples: dict[str, Samples],
        *,
        method: Method,
        runtime: Runtime,
        folder: Path,
        reporter: Reporter,
    ) -> None:
        self.config, self.network, self.runtime, self.reporter = config, network, runtime, reporter
        self.samples, self.folder = samples, folder
        self.method = method
        self.optimizer = make_optimizer(config, network.module, network.head)
        self.scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.precision == "fp16")
        self.normalise = Normaliser(network, runtime)
        self.batches = math.ceil(method.size / config.batch_size)
        whole = config.epochs * self.batches
        self.total = min(whole, config.max_steps) if config.max_steps else whole
        self.feed = Feed(samples["train"], config, runtime, total=self.total)
        self.forward = compiled(network.module, runtime) if config.compile else network.module
        self.ema = (
            ModelEmaV3(network.module, decay=config.ema_decay, use_warmup=True) if config.ema_decay else None
        )

    @property
    def judged(self) -> Network:
        """The network that is validated and kept: the moving average where there is one."""
        if self.ema is None:
            return self.network
        return Network(self.ema.module, self.network.mean, self.network.std, self.network.pretrained)

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """Modules whose tensors a checkpoint holds."""
        return {"model": self.network.module, **({"ema": self.ema.module} if self.ema else {})}

    def load(self, path: Path) -> State:
        """Read a checkpoint."""
        state = load_state(path, self.modules, self.optimizer)
        self.scaler.load_state_dict(state.scaler)
        self.method.load(state.method)
        return state

    def run(self, state: State) -> State:
        """Train from ``state`` to the end, with a checkpoint after each epoch.

        Raises
        ------
        ResumableError
            When the loss is not finite or the device has no memory left; the last checkpoint stands.
        """
        if not state.history and (self.config.probe_l2 or not self.config.epochs):
            self._finish_epoch(state, self._row(state, started=time.perf_counter(), loss=math.nan, seen=0))
            state.stopped = self._why_stop(state)
            self.save(state)
        while not state.stopped:
            started = time.perf_counter()
            try:
                loss, seen = self._epoch(state)
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                raise ResumableError(
                    f"{self.runtime.device} ran out of memory at batch_size {self.config.batch_size}",
                    remedy="Start a new run with a smaller one, such as "
                    f"--set batch_size={max(1, self.config.batch_size // 2)}.",
                ) from error
            state.epoch += 1
            self.method.after_epoch(self.network, state.epoch)
            self._finish_epoch(state, self._row(state, started=started, loss=loss, seen=seen))
            state.stopped = self._why_stop(state)
            self.save(state)
        return state

    def save(self, state: State) -> None:
        """Write history and checkpoint, then drop the weights of epochs that are no longer the best."""
        write_history(self.folder / HISTORY, state.history)
        state.scaler = self.scaler.state_dict()
        checkpoint = self.folder / CHECKPOINT
        state.method = self.method.tensors()
        save_state(checkpoint / "last.safetensors", state, self.modules, self.optimizer)
        for old in checkpoint.glob("best-*.safetensors"):
            if old.name != best_name(state.best_epoch or 0):
                old.unlink()

    def _epoch(self, state: State) -> tuple[float, int]:
        """Take the steps of one epoch; return the mean loss and the number of images seen."""
        self.network.module.train()
        if self.config.freeze_norm:
            freeze_norm(self.network.module)
        total = torch.zeros((), device=self.runtime.device)
        seen, size = 0, self.method.size
        text = f"epoch {state.epoch + 1}/{self.config.epochs}"
        started = time.perf_counter()
        with self.reporter.bar(text, size) as advance:
            for index in self.feed.ahead(state.step, self._batches(state)):
                loss = self._step(state, index)
                total += loss * len(index)
                seen += len(index)
                if self.runtime.device.type == "cpu" or state.step % CHECK_EVERY == 0:
                    self._check(total, state)
                advance(seen, f"{seen / (time.perf_counter() - started):.1f}/s")
        self._check(total, state)
        return float(total) / seen, seen

    def _batches(self, state: State) -> Iterator[NDArray[np.int64]]:
        """Yield the indices of each batch: nearly equal parts of the epoch's order, so none is tiny."""
        rng = numpy_generator(self.config.seed, "sampler", state.epoch)
        order = self.method.order(rng)
        left = self.total - state.step
        yield from np.array_split(order, self.batches)[:left]

    def _step(self, state: State, index: NDArray[np.int64]) -> torch.Tensor:
        config = self.config
        torch.manual_seed(derive(config.seed, "dropout", state.step))
        images = self.feed.images(state.step, index)
        generator = torch_generator(config.seed, "method", state.step)
        images, targets = self.method.batch(images, self.method.targets(index), generator)
        warmup = round(config.warmup_epochs * self.batches)
        set_rate(self.optimizer, rate_share(config.schedule, state.step, total=self.total, warmup=warmup))
        with self.runtime.autocast():
            logits = self.forward(self.normalise(images))
        whole = self.method.denominators(targets)
        part = self.method.numerators(logits, targets)
        loss = self.method.objective(part, whole)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if config.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.module.parameters(), config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        state.step += 1
        if self.ema is not None:
            self.ema.update(self.network.module, step=state.step)
        self.method.observe(part.detach(), whole)
        self.method.after_step(self.network, state.step)
        return loss.detach()

    def _check(self, total: torch.Tensor, state: State) -> None:
        if not torch.isfinite(total):
            raise ResumableError(
                f"the loss is not finite at step {state.step} (epoch {state.epoch + 1}); "
                f"{self.folder} keeps the state after epoch {state.epoch}",
                remedy="Start a new run with a lower --set learning_rate=..., --set precision=fp32 "
                "or --set clip_norm=1.0.",
            )

    def _row(self, state: State, *, started: float, loss: float, seen: int) -> dict[str, Any]:
        trained = time.perf_counter() - started
        config = self.config
        logits = predict_logits(
            self.samples["val"], self.judged, self.runtime, size=config.image_size, batch_size=config.batch_size
        )
        if not np.isfinite(logits).all():
            raise ResumableError(
                f"the network returns values that are not finite after epoch {state.epoch}",
                remedy="Start a new run with a lower --set learning_rate=... or --set clip_norm=1.0.",
            )
        return {
            "epoch": state.epoch,
            "step": state.step,
            "lr": float(self.optimizer.param_groups[0]["lr"]),
            "train_loss": loss if seen else None,
            **validation_scores(self.samples["val"].labels, logits),
            "images_per_second": seen / trained if seen else None,
            "seconds": time.perf_counter() - started,
        }

    def _finish_epoch(self, state: State, row: dict[str, Any]) -> None:
        """Add a row to the history, and keep the weights when they are the best so far."""
        rule = SELECTIONS[self.config.selection]
        state.history.append(row)
        best = rule.better(row[rule.column], state.best_score)
        if best:
            state.best_epoch, state.best_score, state.stale = state.epoch, row[rule.column], 0
            path = self.folder / CHECKPOINT / best_name(state.epoch)
            write_tensors(path, self.judged.module.state_dict(), {"epoch": state.epoch})
        else:
            state.stale += 1
        self.reporter.epoch(row, self.config.epochs, best=best)

    def _why_stop(self, state: State) -> str:
        config = self.config
        if config.max_steps and state.step >= config.max_steps:
            return f"max_steps: {state.step} optimisation steps taken"
        if state.epoch >= config.epochs:
            return f"all {config.epochs} epochs done" if config.epochs else "no epochs asked for"
        if config.patience and state.stale >= config.patience:
            return f"early stopping: {state.stale} epochs without a better {config.selection} on val"
        return ""


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; torch says so by a class of its own on a GPU, by a text on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
