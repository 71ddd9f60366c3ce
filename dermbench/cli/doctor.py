"""``dermbench doctor``: what is installed, which devices there are, what works and what is missing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dermbench.cli.output import say, say_wrapped

if TYPE_CHECKING:
    from dermbench.installed import Extra

PLACE = 110
PATIENCE = 120
"""Seconds to wait for torch to list its devices."""
GIB = 1 << 30
USES = {
    "": "evaluate, compare, plan, prepare and audit data, keep leaderboards",
    "audit": "find label errors, and confirm duplicates by local features",
    "clip": "predict and embed with CLIP models (open_clip:NAME)",
    "offline": "start from ImageNet weights of efficientnet-lite0 without a network",
    "offline-all": "start from ImageNet weights of efficientnet-lite0, lite1 and lite2 without a network",
    "onnx": "export a run as ONNX, and predict with it",
    "train": "train, predict, embed and explain",
    "xlsx": "read tables of Excel",
}
"""What each extra is for."""


@dataclass(frozen=True)
class Finding:
    """A sentence about one thing that works or does not.

    Attributes
    ----------
    name
        Extra or place that it is about.
    works
        Whether it works; None for plain information, such as free memory.
    sentence
        The finding.
    remedy
        Command that repairs it; empty if nothing needs repair.
    """

    name: str
    works: bool | None
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Devices:
    """Devices that torch can use, best first and the CPU last; or the problem that hides them."""

    found: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class System:
    """Versions of the programs, and the machine's cores, free memory and free disk."""

    dermbench: str
    python: str
    platform: str
    cores: int
    memory_free: int | None
    disk: str
    disk_free: int


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("doctor")(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print one JSON document on stdout.")) -> None:
    """Show what is installed, which devices are available, what works and what is missing."""
    from dermbench.installed import installed_extras
    from dermbench.waiting import waiting

    system, extras = _system(), installed_extras()
    findings = [*(_finding(extra) for extra in extras if extra.name != "train"), *_places(system)]
    if not as_json:
        _show_installed(system, extras)
        say("\nwhat works")
        _show(findings)
    with waiting("asking torch for its devices"):
        devices = _devices()
    trains = [_training(extra, devices) for extra in extras if extra.name == "train"]
    if as_json:
        everything = {
            **asdict(system),
            "packages": {
                extra.name or "core": [asdict(package) for package in extra.packages] for extra in extras
            },
            "devices": asdict(devices),
            "findings": [asdict(finding) for finding in (*findings, *trains)],
        }
        say(json.dumps(everything, indent=2, sort_keys=True))
    else:
        _show(trains)
    if any(extra.lacks for extra in extras if not extra.name):
        raise typer.Exit(1)


def _system() -> System:
    from dermbench.data_home import data_home
    from dermbench.machine import available_cores, free_memory
    from dermbench.version import __version__

    wanted = (data_home() or Path.cwd()).absolute()
    there = next(path for path in (wanted, *wanted.parents) if path.is_dir())
    return System(
        dermbench=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        cores=available_cores(),
        memory_free=free_memory(),
        disk=str(there),
        disk_free=shutil.disk_usage(there).free,
    )


def _finding(extra: Extra) -> Finding:
    name = f"[{extra.name}]" if extra.name else "dermbench"
    use = USES.get(extra.name, "what this extra is for")
    if not extra.lacks:
        return Finding(extra.name or "core", True, f"{name}: {use}")
    return Finding(extra.name or "core", False, f"{name}: {use}: {', '.join(extra.lacks)}", extra.install)


def _training(extra: Extra, devices: Devices) -> Finding:
    found = _finding(extra)
    if not found.works:
        return found
    if devices.problem:
        return Finding(found.name, False, f"{found.sentence}: {devices.problem}", extra.install)
    gpu = "" if len(devices.found) > 1 else "; no GPU found"
    return Finding(found.name, True, f"{found.sentence}, on {', '.join(devices.found)}{gpu}")


def _devices() -> Devices:
    """List the devices of torch, in a separate process."""
    if not _is_there("torch"):
        return Devices(problem="torch is not installed")
    words = [sys.executable, "-m", "dermbench.torch_devices"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Devices(problem=f"torch does not answer within {PATIENCE} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Devices(problem=f"torch does not start: {last}")
    return Devices(found=tuple(json.loads(done.stdout.splitlines()[-1])))


def _is_there(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _places(system: System) -> list[Finding]:
    """Report the contents of the data and weights folders, and the free memory and disk."""
    from dermbench.data_home import VARIABLE, data_home

    home = data_home()
    if home is None:
        data = Finding("data", None, f"data: {VARIABLE} is not set, so give folders with --root and --out")
    else:
        raw, prepared = (_count(home / name) for name in ("raw", "prepared"))
        data = Finding("data", home.is_dir(), f"data: {home}; raw releases: {raw}, prepared datasets: {prepared}")
    cache = _weights_cache()
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    more = "no others are downloaded (HF_HUB_OFFLINE)" if offline else "others are downloaded when asked for"
    weights = Finding("weights", None, f"weights: {cache}; networks: {_count(cache, 'models--*')}, {more}")
    memory = "" if system.memory_free is None else f"{system.memory_free / GIB:.1f} GiB of memory free, "
    room = Finding(
        "room", None, f"room: {memory}{system.disk_free / GIB:.1f} GiB free on the disk of {system.disk}"
    )
    return [data, weights, room]


def _count(folder: Path, pattern: str = "*") -> int:
    return sum(path.is_dir() for path in folder.glob(pattern)) if folder.is_dir() else 0


def _weights_cache() -> Path:
    """Return the folder where the Hugging Face client caches weights."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    home = Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def _show_installed(system: System, extras: tuple[Extra, ...]) -> None:
    say_wrapped(
        f"dermbench {system.dermbench} on Python {system.python}, {system.platform}, {system.cores} cores", hang=2
    )
    say("\ninstalled")
    if not extras:
        say("  unknown: dermbench runs from a folder and is not installed as a package")
    for extra in extras:
        packages = [f"{package.name} {package.version or '(missing)'}" for package in extra.packages]
        say_wrapped(f"{extra.name or 'dermbench'}: {', '.join(packages)}", indent=2, hang=2)


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        mark = {True: "works", False: "MISSING", None: ""}[finding.works]
        say_wrapped(f"{mark:<8} {finding.sentence}", indent=2, hang=9)
        if finding.remedy:
            say(f"           {finding.remedy}")  # unwrapped, to copy
