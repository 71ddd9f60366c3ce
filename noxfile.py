"""Checks as a contributor and the continuous integration run them: ``nox`` for all, ``nox -s tests`` for one.

The sessions share one environment under ``.nox``, because torch alone takes gigabytes of disk; every version
in it is pinned by ``constraints.txt``.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
SHARED = str(Path(".nox") / "shared")


def _install(session: nox.Session, *groups: str) -> None:
    """Install the package with what the named dependency groups list."""
    tools = nox.project.dependency_groups(PROJECT, *groups)
    session.install("-c", "constraints.txt", ".[train,offline]", *tools)


@nox.session(venv_location=SHARED)
def lint(session: nox.Session) -> None:
    """Check style, formatting and the layering contract."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session(venv_location=SHARED)
def typecheck(session: nox.Session) -> None:
    """Check types, strictly."""
    _install(session, "typecheck")
    session.run("mypy")


@nox.session(venv_location=SHARED)
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package, warnings as errors, coverage measured."""
    _install(session, "test")
    arguments = session.posargs or ["-n", "2", "--cov=dermbench", "--cov-report=term:skip-covered"]
    session.run("pytest", *arguments, env={"OMP_NUM_THREADS": "1"})


@nox.session(venv_location=SHARED, default=False)
def benchmarks(session: nox.Session) -> None:
    """Run the benchmarks: ratios between peers within one run."""
    _install(session, "test")
    session.run(
        "pytest",
        "benchmarks",
        "--benchmark-enable",
        "--benchmark-only",
        *session.posargs,
        env={"OMP_NUM_THREADS": "1"},
    )
