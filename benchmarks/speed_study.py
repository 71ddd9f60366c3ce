"""Command line and page of a speed study: rounds over its ways, first steps, then runs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch
from speed import COLD, RUN, RUN_OF, WARM, Measured, Study, Way, compiling_in, keep, kept, time_run, time_step

from dermbench.training.config.device import make_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence


def study_speed(study: Study, words: str | None, device: str) -> None:
    """Run the script of a study: measure what the command line asks for, then write the page of all measurements.

    Parameters
    ----------
    study
        The study.
    words
        Description of the script.
    device
        Default device.
    """
    if sys.argv[1:2] == [RUN_OF]:
        run_command(study.way(sys.argv[2]), sys.argv[3:])
        return
    chosen = options(study, words, device)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        sys.stderr.write("error: this script times a CUDA device, and torch finds none here\n")
        sys.exit(2)
    if chosen.way:
        how = {"device": chosen.device, "cache": chosen.cache, "steps": chosen.steps}
        print(json.dumps(asdict(time_step(study, chosen.part, study.way(chosen.way), chosen.set, **how))))
        return
    with tempfile.TemporaryDirectory() as folder:
        chosen.compiled = chosen.compiled or Path(folder)
        for _ in range(chosen.rounds):
            for part in chosen.parts:
                measure_runs(study, chosen) if part == RUN else measure_steps(study, part, chosen)
    text = page(study, kept(chosen.kept), chosen)
    sys.stdout.write(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")


def options(study: Study, words: str | None, device: str) -> argparse.Namespace:
    """Return the options of the command line."""
    names = [way.name for way in study.ways]
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, default=Path("speed.jsonl"), help="measurements; new ones are added")
    parser.add_argument("--out", type=Path, help="the page")
    parser.add_argument("--rounds", type=int, default=2, help="0 only writes the page of stored measurements")
    parser.add_argument("--parts", nargs="+", choices=[*study.steps, RUN], default=[*study.steps, RUN])
    parser.add_argument("--ways", nargs="+", choices=names, default=names)
    parser.add_argument("--steps", type=int, default=6 if device == "cpu" else 24, help="timed steps")
    parser.add_argument("--data", type=Path, help="dataset folder of the runs, instead of drawn lesions")
    parser.add_argument("--set", action="append", default=[], help="changes a value of every configuration")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=device, help="for tests of this script")
    parser.add_argument("--compiled", type=Path, help="folder of compiled code, to use that of another call")
    parser.add_argument("--part", choices=study.steps, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=names, help=argparse.SUPPRESS)
    parser.add_argument("--cache", choices=(COLD, WARM), help=argparse.SUPPRESS)
    return parser.parse_args()


def run_command(way: Way, words: list[str]) -> None:
    """Run ``dermbench`` with these arguments, computing in that way."""
    from dermbench.cli import main

    way.prepare()
    sys.argv = ["dermbench", *words]
    main()


def measure_steps(study: Study, part: str, chosen: argparse.Namespace) -> None:
    """Time a step of every way once."""
    for way in map(study.way, chosen.ways):
        folder = folder_of(study, part, way, chosen)
        with compiling_in(folder, way, on_gpu=on_gpu(chosen)) as (cache, environment):
            words = ["--part", part, "--way", way.name, "--cache", cache, "--steps", str(chosen.steps)]
            words += ["--device", chosen.device, *(word for value in chosen.set for word in ("--set", value))]
            command = [sys.executable, sys.argv[0], *words]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        keep(chosen.kept, Measured(**json.loads(done.stdout.splitlines()[-1])))


def measure_runs(study: Study, chosen: argparse.Namespace) -> None:
    """Time a run of every way that is not too slow; a way that compiles has first a cold and a warm run."""
    slow = study.slow(kept(chosen.kept))
    preset, changed = study.run
    with tempfile.TemporaryDirectory() as drawn:
        data = chosen.data or draw_lesions(Path(drawn), study.lesions)
        for way in map(study.way, chosen.ways):
            if way.name in slow:
                continue
            compiled = folder_of(study, RUN, way, chosen)
            sets = [*changed, *chosen.set, *way.overrides(), f"device={chosen.device}"]
            words = ["--preset", preset, *(word for value in sets for word in ("--set", value))]
            for _ in range(2 if way.compiles and not compiled.is_dir() else 1):
                keep(chosen.kept, time_run(way, data, words, compiled, on_gpu=on_gpu(chosen)))


def folder_of(study: Study, part: str, way: Way, chosen: argparse.Namespace) -> Path:
    """Return the folder for the compiled code of a way in one measurement."""
    return Path(chosen.compiled) / f"{part}-{study.ways.index(way)}"


def draw_lesions(folder: Path, sets: Sequence[str]) -> Path:
    """Draw lesions into a dataset folder and return it."""
    words = [
        "data",
        "prepare",
        "synthderm",
        "--out",
        str(folder),
        *(w for value in sets for w in ("--set", value)),
    ]
    subprocess.run([sys.executable, "-m", "dermbench", *words], check=True, stdout=subprocess.DEVNULL)
    return folder


def on_gpu(chosen: argparse.Namespace) -> bool:
    """Return whether times are wall seconds on a GPU."""
    return str(chosen.device) == "cuda"


def page(study: Study, found: Sequence[Measured], chosen: argparse.Namespace) -> str:
    """Return the tables of all stored measurements."""
    capability = "" if on_gpu(chosen) else f", {torch.backends.cpu.get_cpu_capability()}"
    where = f"{make_runtime(chosen.device).name}{capability}; torch {version('torch')}, timm {version('timm')}"
    lines = [f"# {study.title}", "", f"{where}."]
    for part, (preset, changed) in study.steps.items():
        lines += ["", f"## A step: preset `{preset}`, {', '.join((*changed, *chosen.set))}", ""]
        lines += step_rows(study, [m for m in found if m.part == part], on_gpu=on_gpu(chosen))
    preset, changed = study.run
    data = "a dataset of one's own" if chosen.data else f"drawn lesions ({', '.join(study.lesions)})"
    lines += ["", f"## A run: preset `{preset}`, {', '.join((*changed, *chosen.set))}; {data}", ""]
    lines += run_rows(study, [m for m in found if m.part == RUN], on_gpu=on_gpu(chosen))
    if slow := study.slow(found):
        words = f"Not run, since a step takes at least {study.too_slow:g} times as long as the first way's"
        lines += ["", f"{words}: {'; '.join(slow)}."]
    return "\n".join(lines) + "\n"


def step_rows(study: Study, found: Sequence[Measured], *, on_gpu: bool) -> list[str]:
    """Return the table of a step."""
    unit = "s" if on_gpu else "CPU s"
    rows = [
        row(
            "way",
            f"{unit} a step, median (range)",
            "share of the first way",
            f"first step longer by, {unit}",
            "launched, s",
            "images/s",
            "peak memory, MB",
            "loss apart from eager",
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    groups = {way: of_way for way in study.ways if (of_way := [m for m in found if m.way == way.name])}
    eager = {way.precision: of_way[0].losses for way, of_way in groups.items() if way.acceleration == "eager"}
    reference = [m.seconds for m in groups.get(study.ways[0], [])]
    for way, of_way in groups.items():
        seconds = [m.seconds for m in of_way]
        share = f"{median(seconds) / median(reference):.2f}" if reference else ""
        pairs = zip(of_way[-1].losses, eager.get(way.precision, ()), strict=False)
        apart = [abs(one - other) for one, other in pairs]
        cells = [
            way.name,
            spread(seconds, 4 if on_gpu else 2),
            share,
            f"{median(cold):.1f}" if (cold := [m.first for m in of_way if m.cache == COLD]) else "",
            f"{median(m.launched for m in of_way):.4f}" if on_gpu else "",
            f"{median(m.images_per_second for m in of_way):,.0f}" if on_gpu else "",
            f"{max(m.memory for m in of_way) / 1e6:,.0f}",
            f"{max(apart):.1g}" if apart else "",
        ]
        rows.append(row(*cells))
    return rows


def run_rows(study: Study, found: Sequence[Measured], *, on_gpu: bool) -> list[str]:
    """Return the table of runs; the best library setting is the fastest cold way without own code."""
    unit = "s" if on_gpu else "CPU s"
    rows = [
        row(
            "way",
            "compiled code",
            f"{unit}, median (range)",
            "wall s, median (range)",
            "first epoch longer by, wall s",
            "times as fast as the best library setting",
            "macro-F1 on `val`",
        ),
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    groups = {
        (way, cache): of_way
        for way in study.ways
        for cache in (COLD, WARM)
        if (of_way := [m for m in found if (m.way, m.cache) == (way.name, cache)])
    }
    library = [median(m.seconds for m in g) for (way, cache), g in groups.items() if cache == COLD and not way.own]
    for (way, cache), of_way in groups.items():
        seconds = [m.seconds for m in of_way]
        cells = [
            way.name,
            cache if way.compiles else "",
            spread(seconds, 0),
            spread([m.wall for m in of_way], 0),
            f"{median(m.first for m in of_way):.1f}" if on_gpu else "",
            f"{min(library) / median(seconds):.2f}" if library else "",
            f"{median(m.score for m in of_way):.3f}",
        ]
        rows.append(row(*cells))
    return rows


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median, with the range if there are several values."""
    middle = f"{median(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else middle
