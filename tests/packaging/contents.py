"""Compare wheel and sdist with the files under version control: ``python tests/packaging/contents.py FOLDER``.

The wheel holds each file of ``dermbench/`` that git knows (templates, TOML, py.typed among them), and beside its
metadata nothing else. The sdist holds what ``pyproject.toml`` lists for it. Exit 1 when they differ.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = {"PKG-INFO", ".gitignore"}
"""Files that the build adds to every sdist."""


def known(*folders: str) -> set[str]:
    """Return the files under version control in some folders, relative to the root."""
    command = ["git", "ls-files", "-z", "--", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).exists()}


def in_wheel(path: Path) -> set[str]:
    """Return the files of a wheel, without its metadata."""
    with zipfile.ZipFile(path) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


def in_sdist(path: Path) -> set[str]:
    """Return the files of an sdist, relative to its top folder, without those that every sdist has."""
    with tarfile.open(path) as sdist:
        names = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    return names - ALWAYS


def differences(what: str, found: set[str], wanted: set[str]) -> list[str]:
    """Return one line for each file that is missing or should not be there."""
    missing = [f"{what}: {name} is missing" for name in sorted(wanted - found)]
    return missing + [f"{what}: {name} should not be there" for name in sorted(found - wanted)]


def main(folder: Path) -> int:
    """Compare the only wheel and the only sdist of a folder; print what differs, or how many files they hold."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = [name.removeprefix("/") for name in settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]]
    packed, package = in_wheel(wheel), known("dermbench")
    source = in_sdist(sdist)
    problems = differences(wheel.name, packed, package) + differences(sdist.name, source, known(*listed))
    counts = f"{wheel.name}: {len(packed)} files; {sdist.name}: {len(source)} files; as under version control"
    sys.stdout.write("\n".join(problems or [counts]) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
