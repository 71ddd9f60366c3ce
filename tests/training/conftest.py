from __future__ import annotations

import multiprocessing
import os
import runpy
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start, two of them at a time

pytest.importorskip("torch", reason="training needs the [train] extra")
pytest.importorskip("timm", reason="training needs the [train] extra")

from dermbench.artifacts import DatasetInfo, write_dataset

CLASSES = ("macule", "nodule", "plaque")
COLOURS = ((200, 80, 60), (60, 160, 80), (70, 90, 200))
TINY = (
    "model=test_efficientnet",
    "pretrained=false",
    "image_size=32",
    "cache_size=32",
    "epochs=3",
    "batch_size=8",
    "probe_l2=0",
    "warmup_epochs=0",
    "device=cpu",
)


def _make_dataset(root, *, per_class=(8, 4, 3), classes=CLASSES, seed=0, side=40):
    """Images of one colour a class with noise: learnable, but not in one step."""
    rng = np.random.default_rng(seed)
    rows = []
    (root / "images").mkdir(parents=True)
    for split, count in zip(("train", "val", "test"), per_class, strict=True):
        for k, name in enumerate(classes):
            for i in range(count):
                image_id = f"{split}-{name}-{i}"
                pixels = rng.normal(COLOURS[k % 3], 60, (side, side + 4 * k, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / "images" / f"{image_id}.png")
                rows.append((image_id, f"images/{image_id}.png", name, split, str(1 + (i + k) % 6)))
    table = pd.DataFrame(rows, columns=["image_id", "path", "label", "split", "fst"])
    info = DatasetInfo(task="tiny", source="table", classes=classes, image_root=".")
    return write_dataset(root, info, table)


@pytest.fixture
def dataset(tmp_path):
    return _make_dataset(tmp_path / "data")


@pytest.fixture(scope="session")
def shared_dataset(tmp_path_factory):
    return _make_dataset(tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture(scope="session")
def finished_run(shared_dataset, tmp_path_factory):
    from dermbench.training import train

    out = tmp_path_factory.mktemp("runs") / "run"
    train(shared_dataset, out, preset="cpu-small", overrides=TINY, quiet=True)
    return out


@pytest.fixture(scope="session")
def make_dataset():
    return _make_dataset


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def run():
    """Train the tiny network with further options."""
    from dermbench.training import train

    def start(data, out, *extra, **options):
        options = {"preset": "cpu-small", "overrides": [*TINY, *extra], "quiet": True} | options
        return train(data, out, **options)

    return start


@dataclass
class Child:
    """A process that runs the command line."""

    process: multiprocessing.Process
    output: Path

    def wait(self):
        self.process.join(180)
        if self.process.is_alive():
            self.process.kill()
            raise AssertionError(f"a process hangs: {self.text}")
        return self.process.exitcode

    @property
    def text(self):
        return self.output.read_text()


@pytest.fixture(scope="session")
def forking():
    """Start processes from one that has imported everything: real processes without seconds of imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dermbench.cli", "dermbench.training", "accelerate"])
    return context


@pytest.fixture
def start(forking, tmp_path):
    """Start ``dermbench`` in a process of its own."""
    children = []

    def begin(*words, environment=None, kill_at=None, forbidden=(), path=None):
        output = tmp_path / f"output-{len(children)}.txt"
        output.touch()
        given = {
            "ENVIRONMENT": {"COLUMNS": "500", **(environment or {})},
            "ARGUMENTS": [str(w) for w in words],
            "OUTPUT": str(output),
            "KILL_AT": kill_at,
            "FORBIDDEN": [str(f) for f in forbidden],
            "SITE": [str(path)] if path else [],
        }
        script = str(Path(__file__).with_name("child.py"))
        process = forking.Process(target=runpy.run_path, args=(script,), kwargs={"init_globals": given})
        process.start()
        children.append(Child(process, output))
        return children[-1]

    yield begin
    for child in children:
        child.process.kill()
        child.process.join()


@pytest.fixture
def start_job(start):
    """Start the processes of one distributed job, as a launcher would."""

    def begin(size, *words, kill=None):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        place = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        return [
            start(
                *words,
                environment={**place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                kill_at=(kill or {}).get(rank),
            )
            for rank in range(size)
        ]

    return begin


@pytest.fixture(scope="session")
def words():
    """Return the command line of the tiny training."""

    def spell(data, out, *extra):
        sets = [word for text in (*TINY, *extra) for word in ("--set", text)]
        return ["train", "--data", data, "--out", out, "--preset", "cpu-small", *sets]

    return spell
