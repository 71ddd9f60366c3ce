"""``train``: dataset folder and configuration in, run folder out."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from dermbench.artifacts import RunRecord, make_predictions, read_dataset, write_predictions
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.provenance import environment, revision
from dermbench.artifacts.run import CHECKPOINT, PREDICTIONS, WEIGHTS
from dermbench.errors import DermbenchError, ResumableError, UsageError, name_some
from dermbench.training.balance import CLASS_WEIGHTS, LABELS, class_weights
from dermbench.training.checkpoint import State, best_name, read_tensors, write_tensors
from dermbench.training.device import computing, make_runtime, peak_memory
from dermbench.training.groups import group_codes, unit_codes
from dermbench.training.loop import Trainer
from dermbench.training.methods import TrainingSplit, make_method
from dermbench.training.model import build_network
from dermbench.training.pixels import Samples, load_samples
from dermbench.training.probe import fit_head
from dermbench.training.progress import Reporter
from dermbench.training.runfolder import RunFolder
from dermbench.training.scoring import predict_logits, softmax, validation_scores
from dermbench.training.seeding import derive, numpy_generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from numpy.typing import NDArray

    from dermbench.training.config import TrainConfig
    from dermbench.training.device import Runtime
    from dermbench.training.model import Network

TORCH_PACKAGES = ("torch", "torchvision", "timm", "safetensors", "pillow")


class InterruptedRunError(ResumableError):
    """A run that the user or the system stopped."""

    exit_code = 130


def train(
    data: Path | str | Dataset,
    out: Path | str,
    *,
    preset: str | None = None,
    config: Path | str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    resume: bool = False,
    quiet: bool = False,
) -> RunRecord:
    """Train a network and write a run folder.

    Parameters
    ----------
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned. Only its ``train`` and
        ``val`` splits are opened.
    out
        Run folder to make, or with ``resume`` to go on with.
    preset, config, overrides, seed
        As in :func:`dermbench.training.configure.load_config`; not needed to resume.
    resume
        Go on with the run in ``out``. On the same machine's CPU the result has the bits of a run that was
        never stopped. A finished run is left as it is.
    quiet
        Print nothing.

    Returns
    -------
    RunRecord
        Content of ``run.json``.

    Raises
    ------
    InterruptedRunError
        On Ctrl-C or SIGTERM; the run can be resumed.
    ResumableError
        When the loss is not finite or memory runs out.
    UsageError, InputError
        For anything wrong with the configuration, the data, the weights or the folder.
    """
    folder, reporter = RunFolder(out), Reporter(quiet=quiet)
    chosen = folder.choose_config(preset=preset, config=config, overrides=overrides, seed=seed, resume=resume)
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    folder.check_dataset(dataset)
    there = folder.record()
    if there is not None and there.status == "finished":
        reporter.say(f"{folder.path} is already finished ({there.stopped})")
        return there
    counts = _class_counts(dataset, chosen)
    runtime = make_runtime(chosen.device, precision=chosen.precision, channels_last=chosen.channels_last)
    with computing(runtime), folder.held():
        torch.manual_seed(derive(chosen.seed, "initialisation"))
        network = build_network(chosen, len(dataset.classes))
        runtime.place(network.module)
        record = _new_record(dataset, chosen, network, runtime, counts)
        _announce(record, counts, runtime, reporter)
        with _resumable(folder, record, dataset):
            return _run(folder, record, dataset, chosen, network, runtime, reporter)


def _run(
    folder: RunFolder,
    record: RunRecord,
    dataset: Dataset,
    config: TrainConfig,
    network: Network,
    runtime: Runtime,
    reporter: Reporter,
) -> RunRecord:
    started = time.perf_counter()
    samples = {split: _load(dataset, split, config, runtime, reporter) for split in ("train", "val")}
    decoded = time.perf_counter()
    names, groups = group_codes(dataset, config.group_by)
    split = TrainingSplit(
        samples["train"].labels, groups["train"], names, unit_codes(dataset.part("train")), len(dataset.classes)
    )
    method = make_method(config, split, runtime.device)
    weights = np.array([record.class_weights[name] for name in dataset.classes])
    if config.probe_l2 and not folder.last.is_file():
        rows = method.members
        sample_weight = weights[split.labels[rows]]
        fit_head(
            network, samples["train"], rows, sample_weight, l2=config.probe_l2, config=config, runtime=runtime
        )
        reporter.say(f"linear probe on frozen features: {time.perf_counter() - decoded:.1f} s")
    trainer = Trainer(
        config, network, samples, method=method, runtime=runtime, folder=folder.path, reporter=reporter
    )
    state = trainer.load(folder.last) if folder.last.is_file() else State()
    if state.epoch:
        reporter.say(f"resumed after epoch {state.epoch}")
    _add(state.seconds, "decode", decoded - started)
    try:
        trainer.run(state)
    finally:
        _add(state.seconds, "train", time.perf_counter() - decoded)
    return _finish(folder, record, dataset, state, trainer)


def _finish(folder: RunFolder, record: RunRecord, dataset: Dataset, state: State, trainer: Trainer) -> RunRecord:
    """Write weights, validation predictions and the final record."""
    started = time.perf_counter()
    checkpoint = folder.path / CHECKPOINT
    best, _ = read_tensors(checkpoint / best_name(state.best_epoch or 0))
    network, config, runtime = trainer.network, trainer.config, trainer.runtime
    network.module.load_state_dict(best)
    done = trainer.method.finish(network, trainer.samples["train"], runtime)
    header = {
        "schema": "dermbench.model/1",
        "model": config.model,
        "classes": list(dataset.classes),
        "image_size": config.image_size,
        "cache_size": config.cached_side,
        "mean": list(network.mean),
        "std": list(network.std),
    }
    write_tensors(folder.path / WEIGHTS, network.module.state_dict(), header)
    val = trainer.samples["val"]
    logits = predict_logits(val, network, runtime, size=config.image_size, batch_size=config.batch_size)
    predictions = make_predictions(val.image_id, softmax(logits), dataset.classes)
    write_predictions(folder.path / PREDICTIONS / "val.parquet", predictions)
    _add(state.seconds, "finish", time.perf_counter() - started)
    scores = validation_scores(val.labels, logits)
    rates = [r["images_per_second"] for r in state.history if r["images_per_second"]]
    record = record.model_copy(
        update={
            "status": "finished",
            "best_epoch": state.best_epoch,
            "epochs": state.epoch,
            "stopped": state.stopped,
            "scores": scores,
            "selection": "; ".join([record.selection, *done]),
            "seconds": state.seconds,
            "images_per_second": statistics.median(rates) if rates else None,
            "peak_memory_bytes": peak_memory(runtime),
        }
    )
    folder.write(record)
    (checkpoint / best_name(state.best_epoch or 0)).unlink()
    trainer.reporter.say(_summary(record))
    return record


def _summary(record: RunRecord) -> str:
    scores = "  ".join(
        f"{name.removeprefix('val_')} {value:.4f}" for name, value in record.scores.items() if value
    )
    return f"stopped: {record.stopped}\nbest epoch {record.best_epoch} of {record.epochs} on val: {scores}"


def _class_counts(dataset: Dataset, config: TrainConfig) -> NDArray[np.int64]:
    labels = dataset.part("train")["label"]
    counts = np.array([int((labels == name).sum()) for name in dataset.classes], dtype=np.int64)
    absent = [name for name, count in zip(dataset.classes, counts, strict=True) if not count]
    if absent and not config.allow_missing_classes:
        raise UsageError(
            f"{dataset.root}: no training image of class {name_some(absent)}",
            remedy="Prepare the dataset with another split or seed, or train without these classes by "
            "--set allow_missing_classes=true (the network can never predict them well).",
        )
    return counts


def _load(dataset: Dataset, split: str, config: TrainConfig, runtime: Runtime, reporter: Reporter) -> Samples:
    with reporter.bar(f"decode {split}", len(dataset.part(split))) as advance:
        samples = load_samples(dataset, split, config.cached_side, progress=lambda done, _: advance(done, ""))
    rng = numpy_generator(config.seed, "labels", split)
    samples.labels = LABELS[config.labels](samples.labels, rng)
    return samples.to(runtime.device)


def _new_record(
    dataset: Dataset, config: TrainConfig, network: Network, runtime: Runtime, counts: NDArray[np.int64]
) -> RunRecord:
    weights = class_weights(config.class_weights, counts, beta=config.effective_beta)
    return RunRecord(
        status="running",
        task=dataset.info.task,
        classes=dataset.classes,
        dataset_digest=dataset.info.digest,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        device=runtime.name,
        precision=runtime.precision,
        pretrained=network.pretrained,
        selection=f"best {config.selection} on val",
        parameters=network.parameters,
        class_weights={name: float(w) for name, w in zip(dataset.classes, weights, strict=True)},
        environment=environment(*TORCH_PACKAGES),
        revision=revision(),
    )


def _announce(record: RunRecord, counts: NDArray[np.int64], runtime: Runtime, reporter: Reporter) -> None:
    name = record.config["class_weights"]
    reporter.class_table(record.classes, counts, record.class_weights, CLASS_WEIGHTS[name][0])
    reporter.say(f"{record.config['model']}: {record.parameters:,} parameters; weights: {record.pretrained}")
    reporter.say(f"{runtime.name}, {runtime.precision}, seed {record.seed}, labels {record.config['labels']}")


@contextmanager
def _resumable(folder: RunFolder, record: RunRecord, dataset: Dataset) -> Iterator[None]:
    """Write the record as running, and as interrupted when the block is stopped by a signal or an error."""
    folder.write_config_and_record(record)
    previous = None
    if threading.current_thread() is threading.main_thread():
        previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        folder.write(record.model_copy(update={"status": "interrupted"}))
        raise InterruptedRunError(
            f"interrupted; {folder.path} keeps the state after its last finished epoch",
            remedy=f"Resume with: dermbench train --data {dataset.root} --out {folder.path} --resume",
        ) from error
    except ResumableError:
        folder.write(record.model_copy(update={"status": "interrupted"}))
        raise
    except DermbenchError:
        folder.forget_unless_begun()
        raise
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form of a handler
    raise KeyboardInterrupt


def _add(seconds: dict[str, float], phase: str, more: float) -> None:
    seconds[phase] = seconds.get(phase, 0.0) + more
