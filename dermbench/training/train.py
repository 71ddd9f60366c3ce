"""``train``: train a network on a dataset folder and write a run folder."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dermbench.artifacts import RunRecord, make_predictions, read_dataset, write_predictions
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.run import CHECKPOINT, PREDICTIONS, RUN, WEIGHTS
from dermbench.training.config.device import computing, make_runtime, peak_memory
from dermbench.training.config.distributed import World
from dermbench.training.config.seeding import derive, numpy_generator
from dermbench.training.data.balance import LABELS
from dermbench.training.data.folds import FoldedData
from dermbench.training.data.groups import Groups, group_codes, unit_codes
from dermbench.training.data.pixels import Samples, load_samples
from dermbench.training.data.training_data import TrainingData
from dermbench.training.methods import TrainingSplit, make_method
from dermbench.training.network.features import kept_features
from dermbench.training.network.network import build_network, freeze_stages
from dermbench.training.network.probe import fit_head, linear_head
from dermbench.training.network.scoring import class_hits, predict_logits, softmax, validation_scores
from dermbench.training.network.tensor_files import fill, read_safetensors, write_tensors
from dermbench.training.network.weights import check_unseen
from dermbench.training.run.checkpoint import START_AGAIN, State, best_name
from dermbench.training.run.context import Job
from dermbench.training.run.embeddings import PREFIX as EMBEDDINGS
from dermbench.training.run.embeddings import train_on_embeddings
from dermbench.training.run.ending import MENTIONED_SECONDS, ending
from dermbench.training.run.folder import VALIDATION, RunFolder
from dermbench.training.run.loop import Trainer
from dermbench.training.run.progress import Reporter
from dermbench.training.run.selection import SELECTIONS
from dermbench.training.run.summary import announce, class_counts, new_record, weights_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.methods import Method
    from dermbench.training.network.network import Network


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

    Started by ``torchrun`` or ``accelerate launch``, the processes share the work of one run.

    Parameters
    ----------
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned. Only images of ``train`` and
        ``val`` are read.
    out
        Run folder to make, or to go on with (``resume``).
    preset, config, overrides, seed
        As in :func:`dermbench.training.run.configure.load_config`; not needed to resume.
    resume
        Go on with the run in ``out``. On the CPU of the same machine, the result has the same bits as without the
        stop. A finished run is not changed.
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
        When the loss is not finite, memory or disk run out, the device fails, or another process of the job has
        ended. The last checkpoint is intact.
    UsageError, InputError
        When the configuration, the data, the weights or the folder are wrong.
    """
    world = World.of_environment()
    folder, reporter = RunFolder(out), Reporter(quiet=quiet or not world.first)
    with world.reporting_once():
        chosen = folder.choose_config(preset=preset, config=config, overrides=overrides, seed=seed, resume=resume)
        whole = data if isinstance(data, Dataset) else read_dataset(data)
        has_test, dataset = bool((whole.manifest["split"] == "test").any()), TrainingData.of(whole)
        folder.check_dataset(dataset)
        record = folder.record()
        if record is not None and record.status == "finished":
            reporter.say(f"{folder.path} is already finished.")
        else:
            record = _start(folder, dataset, chosen, reporter, world)
        reporter.say(ending(record, chosen, folder.path, dataset.root, has_test=has_test))
        return record


def _start(
    folder: RunFolder, dataset: TrainingData, chosen: TrainConfig, reporter: Reporter, world: World
) -> RunRecord:
    """Start or resume a run."""
    if chosen.folds:
        dataset = FoldedData.cut(dataset, chosen.folds, chosen.fold)
        folder.check_held_out(dataset)
    if chosen.weights:
        held_out = dataset.held_out if isinstance(dataset, FoldedData) else ""
        check_unseen(Path(chosen.weights), dataset.info.digest, held_out)
    if chosen.model.startswith(EMBEDDINGS):
        world.refuse_several("a probe on embeddings")
        return train_on_embeddings(folder, dataset, chosen, reporter)
    runtime = make_runtime(world.device(chosen.device), precision=chosen.precision)
    with computing(runtime, deterministic=chosen.deterministic), world.joined(runtime.device):
        identity = {"model": chosen.model, "classes": list(dataset.classes), "dataset": dataset.info.digest}
        if isinstance(dataset, FoldedData):
            identity["held_out"] = dataset.held_out
        job = Job(chosen, runtime, folder.path, reporter, world, identity=identity)
        return _train(job, folder, dataset)


def _train(job: Job, folder: RunFolder, dataset: Dataset) -> RunRecord:
    counts = class_counts(dataset, job.config)
    with ExitStack() as stack:
        job.world.do_first(lambda: stack.enter_context(folder.held()))
        torch.manual_seed(derive(job.config.seed, "initialisation"))
        network = build_network(job.config, len(dataset.classes), classes=dataset.classes)
        freeze_stages(network, job.config.frozen_stages)
        job.runtime.place(network.module)
        record = new_record(dataset, job, network, counts)
        announce(record, counts, job)
        stack.enter_context(job.stopper.listening(launched=job.world.size > 1))
        stack.enter_context(folder.recording(record, dataset, job))
        return _run(job, folder, record, dataset, network)


def _run(job: Job, folder: RunFolder, record: RunRecord, dataset: Dataset, network: Network) -> RunRecord:
    config, started = job.config, time.perf_counter()
    samples = {split: _load(dataset, split, job) for split in ("train", "val")}
    decoded = time.perf_counter()
    if decoded - started >= MENTIONED_SECONDS:
        job.reporter.say(f"decoded {sum(map(len, samples.values())):,} images: {decoded - started:.1f} s")
    names, codes = group_codes(dataset, config.group_by)
    groups = Groups.make(config.group_by, names, codes["val"])
    if SELECTIONS[config.selection].of_groups:
        groups.check(config.selection)
        record = record.model_copy(update={"selection": f"{record.selection} ({groups.words})"})
    units, classes = unit_codes(dataset.part("train")), dataset.classes
    split = TrainingSplit(
        samples["train"].labels, codes["train"], names, units, len(classes), samples["train"].image_id, classes
    )
    method = make_method(config, split, job.runtime.device)
    if config.probe_l2 and not folder.last.is_file():
        _fit_probe(job, record, network, samples["train"], method)
        job.reporter.say(f"linear probe on frozen features: {time.perf_counter() - decoded:.1f} s")
    trainer = Trainer(job, network, samples, method, groups)
    prepared = time.perf_counter()
    state = trainer.load(folder.last) if folder.last.is_file() else State()
    if state.step:
        job.reporter.say(f"resumed after step {state.step} (epoch {state.step // trainer.stepper.batches + 1})")
    _add(state.seconds, "decode", decoded - started)
    _add(state.seconds, "train", prepared - decoded)
    trainer.run(state)
    trainer.count(state)
    peak = int(job.world.highest(peak_memory(job.runtime), job.runtime.device))
    record = record.model_copy(update={"peak_memory_bytes": peak})
    finished = job.world.do_first(lambda: _finish(folder, record, dataset, state, trainer))
    return finished or RunRecord.read(folder.path / RUN)


def _fit_probe(job: Job, record: RunRecord, network: Network, samples: Samples, method: Method) -> None:
    linear_head(network)
    weights = np.array([record.class_weights[name] for name in record.classes])
    labels = samples.labels[method.members]
    features = kept_features(network, samples, job.config, job.runtime, job.world)[method.members]
    fit_head(network, features, labels, weights[labels], l2=job.config.probe_l2)


def _finish(folder: RunFolder, record: RunRecord, dataset: Dataset, state: State, trainer: Trainer) -> RunRecord:
    """Write weights, validation predictions and the final record."""
    started = time.perf_counter()
    checkpoint = folder.path / CHECKPOINT
    best = checkpoint / best_name(state.best_epoch or 0)
    network, config, runtime = trainer.network, trainer.config, trainer.job.runtime
    fill(network.module, read_safetensors(best), best, what=config.model, remedy=START_AGAIN)
    done = trainer.method.finish(network, trainer.samples["train"], runtime)
    write_tensors(folder.path / WEIGHTS, network.module.state_dict(), weights_header(record, config, network))
    val = trainer.samples["val"]
    logits = predict_logits(val, network, runtime, size=config.image_size, batch_size=config.batch_size)
    predictions = make_predictions(val.image_id, softmax(logits), dataset.classes)
    write_predictions(folder.path / PREDICTIONS / VALIDATION, predictions)
    _add(state.seconds, "finish", time.perf_counter() - started)
    scores = validation_scores(val.labels, logits, trainer.groups)
    rates = [rate for row in state.history if (rate := row.get("images_per_second"))]
    record = record.model_copy(
        update={
            "status": "finished",
            "best_epoch": state.best_epoch,
            "epochs": state.epoch,
            "stopped": state.stopped,
            "scores": scores,
            "recall": class_hits(val.labels, logits, dataset.classes),
            "selection": "; ".join([record.selection, *done]),
            "seconds": state.seconds,
            "images_per_second": statistics.median(rates) if rates else None,
        }
    )
    folder.write(record)
    for kept in checkpoint.glob("best-*.safetensors"):
        kept.unlink()
    return record


def _load(dataset: Dataset, split: str, job: Job) -> Samples:
    def load() -> Samples:
        with job.reporter.bar(f"decode {split}", len(dataset.part(split))) as advance:
            config = job.config
            return load_samples(
                dataset, split, config.cached_side, config.crop_mode, progress=lambda done, _: advance(done, "")
            )

    samples = job.world.first_then_all(load)
    rng = numpy_generator(job.config.seed, "labels", split)
    samples.labels = LABELS[job.config.labels](samples.labels, rng)
    return samples.to(job.runtime.device)


def _add(seconds: dict[str, float], phase: str, more: float) -> None:
    seconds[phase] = seconds.get(phase, 0.0) + more
