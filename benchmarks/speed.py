"""Shared by the two speed scripts: ways to compute, a timed step, a timed run, stored measurements.

A way is a precision and an acceleration: none, ``torch.compile``, or the project's own graphs and kernels. Every
measurement is made in its own process and stored as one line of JSON, so that several calls make one page.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from dermbench.training.config.device import computing, make_runtime, peak_memory
from dermbench.training.data.pixels import Samples
from dermbench.training.methods import TrainingSplit, make_method
from dermbench.training.network.network import build_network
from dermbench.training.run.configure import load_config
from dermbench.training.run.context import Job
from dermbench.training.run.progress import Reporter
from dermbench.training.run.step import Stepper
from dermbench.training.speed import fused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLASSES = 21
IMAGES = 1024
"""Number of random images that timed steps draw from."""
ENOUGH = 45.0
"""Seconds after which no further step of a slow way is timed."""
COLD, WARM = "cold", "warm"
RUN, RUN_OF = "run", "--run-of"
NAN = float("nan")


@dataclass(frozen=True)
class Way:
    """A way to compute a training step.

    Attributes
    ----------
    name
        Name for people.
    precision
        ``fp32`` (on a GPU products are computed in TF32) or ``bf16``.
    acceleration
        Value of the configuration: ``eager``, ``compile``, ``reduce-overhead``, or ``auto`` for the project's own
        CUDA graphs and kernels.
    kernels
        Whether ``auto`` uses kernels and graphs, or only graphs.
    """

    name: str
    precision: str
    acceleration: str = "eager"
    kernels: bool = True

    @property
    def own(self) -> bool:
        """Whether it uses the project's own graphs or kernels."""
        return self.acceleration == "auto"

    @property
    def compiles(self) -> bool:
        """Whether it leaves compiled code for later runs."""
        return self.acceleration != "eager" and (not self.own or self.kernels)

    def overrides(self) -> list[str]:
        """Return the configuration values of the way."""
        return [f"precision={self.precision}", f"acceleration={self.acceleration}"]

    def prepare(self) -> None:
        """Disable the kernels in this process if the way has none, for which there is no configuration value."""
        if not self.kernels:
            fused.fuse = lambda *_: 0


@dataclass(frozen=True)
class Measured:
    """One measurement of one way.

    Attributes
    ----------
    part
        Name of the timed step, or :data:`RUN`.
    way
        Name of the way.
    cache
        ``cold``: compiled anew; ``warm``: with code that an earlier process compiled.
    seconds
        CPU seconds on a CPU, wall seconds on a GPU.
    wall
        Wall seconds.
    first
        Additional time of the first step, in the unit of ``seconds``; for a run, of the first epoch in wall
        seconds.
    memory
        Peak memory in bytes.
    images_per_second
        Speed of a step, or of a later epoch, in wall time.
    score
        Macro-F1 on ``val`` of a run; NaN for a step.
    launched
        Seconds until Python returned from a step, while a GPU may still compute; NaN for a run.
    losses
        Losses of the first steps; none for a run.
    """

    part: str
    way: str
    cache: str
    seconds: float
    wall: float
    first: float
    memory: float
    images_per_second: float
    score: float = NAN
    launched: float = NAN
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Study:
    """Measurements of a script.

    Attributes
    ----------
    title
        Heading of its page.
    ways
        Ways to compare; the first is the reference of steps.
    steps
        Preset and changed values of each timed step, by name.
    run
        Preset and changed values of the run.
    lesions
        Options of the drawn dataset of a run.
    warm
        Number of steps before the timed ones, including the first.
    too_slow
        Ratio of step times to the reference from which a way is not run.
    """

    title: str
    ways: tuple[Way, ...]
    steps: dict[str, tuple[str, tuple[str, ...]]]
    run: tuple[str, tuple[str, ...]]
    lesions: tuple[str, ...]
    warm: int
    too_slow: float = 3.0

    def way(self, name: str) -> Way:
        """Return a way by its name."""
        return next(way for way in self.ways if way.name == name)

    def slow(self, found: Sequence[Measured]) -> list[str]:
        """Return the ways that are too slow to run, by their first timed step."""
        part = next(iter(self.steps))
        of_way = {way.name: [m.seconds for m in found if (m.part, m.way) == (part, way.name)] for way in self.ways}
        reference = of_way[self.ways[0].name]
        limit = self.too_slow * median(reference) if reference else float("inf")
        return [name for name, seconds in of_way.items() if seconds and median(seconds) >= limit]


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its finished child processes."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def synchronise(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def make_stepper(way: Way, preset: str, sets: Sequence[str], device: str) -> Stepper:
    """Return the steps of a run on random images on the device."""
    words = [*sets, *way.overrides(), f"device={device}", "pretrained=false"]
    config = load_config(preset=preset, overrides=words)
    runtime = make_runtime(device, precision=config.precision)
    rng, side = np.random.default_rng(0), config.cached_side
    labels = rng.integers(0, CLASSES, IMAGES)
    pixels = rng.integers(0, 255, (IMAGES, side, side, 3), dtype=np.uint8)
    where = torch.from_numpy(pixels).to(runtime.device) if runtime.device.type == "cuda" else pixels
    samples = Samples(np.arange(IMAGES).astype(str).astype(object), labels, where)
    torch.manual_seed(0)
    network = build_network(config, CLASSES, pretrained=False)
    runtime.place(network.module)
    network.module.train()
    split = TrainingSplit(labels, np.zeros(IMAGES, dtype=np.int64), ("all",), np.arange(IMAGES), CLASSES)
    job = Job(config, runtime, Path(tempfile.gettempdir()), Reporter(quiet=True))
    return Stepper(job, network, samples, make_method(config, split, runtime.device))


def time_step(
    study: Study, part: str, way: Way, sets: Sequence[str], *, device: str, cache: str, steps: int
) -> Measured:
    """Time a training step: the median of ``steps`` on a CPU, their mean on a GPU."""
    way.prepare()
    preset, changed = study.steps[part]
    stepper = make_stepper(way, preset, [*changed, *sets], device)
    runtime, batch = stepper.job.runtime, stepper.job.config.batch_size
    rng, on_gpu = np.random.default_rng(1), runtime.device.type == "cuda"
    order = [rng.permutation(IMAGES)[:batch] for _ in range(study.warm + steps)]
    walls, cpus, losses = [time.perf_counter()], [cpu_seconds()], []
    with computing(runtime):
        for step, index in enumerate(stepper.feed.ahead(0, order)):
            losses.append(stepper.take(step, index))
            if step in {0, study.warm - 1}:
                synchronise(runtime.device)
            walls.append(time.perf_counter())
            cpus.append(cpu_seconds())
            if step >= study.warm and walls[-1] - walls[1] > ENOUGH:
                break
        synchronise(runtime.device)
    timed, end = len(losses) - study.warm, time.perf_counter()
    launched = (walls[-1] - walls[study.warm]) / timed
    wall = (end - walls[study.warm]) / timed if on_gpu else float(np.median(np.diff(walls)[study.warm :]))
    seconds = wall if on_gpu else float(np.median(np.diff(cpus)[study.warm :]))
    first = (np.diff(walls) if on_gpu else np.diff(cpus))[0] - seconds
    memory, values = float(peak_memory(runtime)), tuple(float(loss) for loss in losses[:4])
    return Measured(
        part, way.name, cache, seconds, wall, float(first), memory, batch / wall, NAN, launched, values
    )


def time_run(way: Way, data: Path, words: Sequence[str], compiled: Path, *, on_gpu: bool) -> Measured:
    """Time ``dermbench train`` from start to end, on a copy of the dataset without cached pixels."""
    with (
        tempfile.TemporaryDirectory() as folder,
        compiling_in(compiled, way, on_gpu=on_gpu) as (cache, environment),
    ):
        shutil.copytree(data, f"{folder}/data", ignore=shutil.ignore_patterns("cache"))
        command = [sys.executable, sys.argv[0], RUN_OF, way.name, "train"]
        clock, cpu = time.perf_counter(), cpu_seconds()
        command += ["--data", f"{folder}/data", "--out", f"{folder}/run", *words]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        wall, cpu = time.perf_counter() - clock, cpu_seconds() - cpu
        record = json.loads(Path(folder, "run", "run.json").read_text(encoding="utf-8"))
        history = pd.read_csv(Path(folder, "run", "history.csv"))
    epochs = history.loc[history["images_per_second"].notna(), "seconds"]  # without the row before training
    first = float(epochs.iloc[0] - epochs.iloc[1:].median())
    rate, score = record["images_per_second"], record["scores"]["val_macro_f1"]
    seconds, memory = wall if on_gpu else cpu, record["peak_memory_bytes"]
    return Measured(RUN, way.name, cache, seconds, wall, first, memory, rate, score)


@contextmanager
def compiling_in(folder: Path, way: Way, *, on_gpu: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the state of the cache of compiled code in ``folder``, and the environment for a process that uses it.

    The folder is warm after a block has ended without an error. On a CPU one thread compiles.
    """
    done = folder / "done"
    if not done.is_file():
        shutil.rmtree(folder, ignore_errors=True)
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"), "TRITON_CACHE_DIR": str(folder / "triton")}
    threads = {} if on_gpu else {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
    yield WARM if done.is_file() else COLD, {**os.environ, **caches, **threads}
    if way.compiles:
        folder.mkdir(parents=True, exist_ok=True)
        done.touch()


def keep(file: Path, measured: Measured) -> None:
    """Append a measurement to a file, and print it."""
    line = json.dumps(asdict(measured))
    print(line, file=sys.stderr, flush=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(line + "\n")


def kept(file: Path) -> list[Measured]:
    """Return the measurements of a file, in their order."""
    if not file.is_file():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Measured(**{**row, "losses": tuple(row["losses"])}) for row in rows]
