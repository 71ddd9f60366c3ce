"""Origin of a number: versions of packages, and source revision."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which

from dermbench.version import __version__

PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "fairlearn")


def environment(*packages: str) -> dict[str, str]:
    """Return the versions of Python, of dermbench and of the packages a result depends on.

    Parameters
    ----------
    *packages
        Distribution names besides :data:`PACKAGES`; packages that are not installed are left out.
    """
    found = {"python": platform.python_version(), "dermbench": __version__}
    for name in (*PACKAGES, *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def revision() -> dict[str, str | bool]:
    """Return the git commit of the source tree and whether it has uncommitted changes.

    Empty if dermbench does not run from a git checkout.
    """
    root = Path(__file__).resolve().parents[2]
    git = which("git")
    if git is None or not (root / ".git").exists():
        return {}
    commit = _git(git, root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    return {"commit": commit, "dirty": bool(_git(git, root, "status", "--porcelain", "--", "dermbench"))}


def _git(git: str, root: Path, *arguments: str) -> str | None:
    done = subprocess.run(  # noqa: S603 - arguments are literals of this module
        [git, "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None
