"""The layering contract of the architecture, and what the imports cost."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "timm", "accelerate"}


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_contracts_hold(project_root):
    importlinter = pytest.importorskip("importlinter", reason="the layering check needs import-linter")
    assert importlinter is not None
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", ["api", "evaluation", "data", "leaderboard", "reporting", "artifacts", "cli"])
def test_rooms_without_torch(room):
    assert not imported_by(f"import dermbench.{room}") & HEAVY


def test_command_line_starts_without_the_heavy_libraries():
    loaded = imported_by("import dermbench.cli")
    assert not loaded & (HEAVY | {"numpy", "pandas", "scipy", "sklearn", "fairlearn", "matplotlib", "pydantic"})
