"""What the imports cost; the contracts between rooms are checked by `nox -s lint`."""

import json
import subprocess
import sys

HEAVY = {"torch", "torchvision", "timm", "accelerate"}


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_rooms_without_torch():
    """One process imports one room after the other; nothing that it keeps can come from a later one."""
    code = f"""
import importlib, sys
for room in ("artifacts", "evaluation", "data", "leaderboard", "reporting", "api", "cli"):
    importlib.import_module(f"dermbench.{{room}}")
    print(room, *sorted({HEAVY!r} & set(sys.modules)))
    if room == "evaluation":
        print("drawing", *{{"matplotlib"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == [
        *("artifacts", "evaluation", "drawing", "data", "leaderboard", "reporting", "api", "cli", "")
    ]


def test_command_line_starts_without_the_heavy_libraries():
    loaded = imported_by("import dermbench.cli")
    assert not loaded & (HEAVY | {"numpy", "pandas", "scipy", "sklearn", "fairlearn", "matplotlib", "pydantic"})
