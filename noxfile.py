"""Checks as a contributor and the continuous integration run them: ``nox`` for all, ``nox -s tests`` for one.

Every version the sessions use is pinned by ``constraints.txt``.
"""

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # two test processes on two cores
LOWEST_PYTHON = PROJECT["project"]["requires-python"].removeprefix(">=")
WITHOUT_TRAINING = [f"tests/{room}" for room in ("artifacts", "tasks", "evaluation", "reporting", "cli", "api")]
DEFAULT = "not long and not scripts and not browser"
TEST_TOOLS = ("hatchling", "hypothesis", "pytest", "pytest-benchmark", "pytest-xdist", "PyYAML")


def _install(session: nox.Session, group: str, *packages: str) -> None:
    """Install what a dependency group lists, and packages, at the pinned versions."""
    session.install("-c", "constraints.txt", *nox.project.dependency_groups(PROJECT, group), *packages)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the layering contract; needs no installed package."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types, strictly."""
    _install(session, "typecheck", ".[train,clip,onnx,xlsx]")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed package, warnings as errors."""
    _install(session, "test", ".[train,clip,offline-all,onnx,xlsx,audit]")
    arguments = session.posargs or ["-n", "2", "-m", DEFAULT]
    session.run("pytest", *arguments, env=ONE_THREAD)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the same tests and print which lines of each module no test reaches (a third slower)."""
    _install(session, "test", ".[train,clip,offline-all,onnx,xlsx,audit]")
    measured = ["--cov", "--cov-report=term:skip-covered"]
    session.run("pytest", "-n", "2", "-m", DEFAULT, *measured, *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def long(session: nox.Session) -> None:
    """Run the tests that take long: interpreted kernels, torchrun, plug-ins that train, kills (minutes)."""
    _install(session, "test", ".[train,clip,offline-all,onnx,xlsx,audit]")
    session.run("pytest", "-n", "2", "-m", "long", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def scripts(session: nox.Session) -> None:
    """Test that the scripts in benchmarks/ run end to end, and that populations are what they say (minutes)."""
    _install(session, "test", ".[train,offline]")
    session.run("pytest", "-n", "2", "-m", "scripts", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/site, warnings as errors, and check its links."""
    _install(session, "docs", ".")
    # Not --quiet: what mkdocs does not print, --strict does not count.
    session.run("mkdocs", "build", "--strict", "-f", "docs/website/mkdocs.yml", *session.posargs)
    session.run("python", "docs/website/check_links.py", "build/site")


@nox.session(default=False)
def readability(session: nox.Session) -> None:
    """Print how easy each page is to read, and fail below 45; ``-- --longest`` shows its longest sentences."""
    session.run("python", "docs/website/reading_ease.py", *session.posargs)


@nox.session(default=False)
def leaderboards(session: nox.Session) -> None:
    """Check the boards as a contribution must leave them; ``-- --data DATASET`` gives a truth."""
    _install(session, "test", ".")
    session.run("pytest", "-q", "tests/leaderboard/test_published.py")
    session.run("dermbench", "leaderboard", "verify", "leaderboards", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def reproduce(session: nox.Session) -> None:
    """Make data, trainings, boards and outputs anew, and say what that proved (minutes); ``-- --no-training``."""
    _install(session, "test", ".[train,offline]")
    session.run("python", "tests/reproduction/reproduce.py", *session.posargs)


@nox.session(default=False)
def croissant(session: nox.Session) -> None:
    """Validate an export with mlcroissant, and load every record and image from it."""
    _install(session, "test", ".")
    _install(session, "croissant")
    session.run("pytest", "-q", "tests/data/test_export_valid.py", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Look at the pages in Chromium: drawn, no request, no sideways overflow at 390 px, nothing that axe finds."""
    _install(session, "test", ".")
    _install(session, "browser")
    session.run("pytest", "-m", "browser", "tests/reporting", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """Run the benchmarks: ratios between peers within one run."""
    _install(session, "test", ".[train,clip,offline-all,onnx,xlsx,audit]")
    session.run("pytest", "benchmarks", "--benchmark-enable", "--benchmark-only", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def examples(session: nox.Session) -> None:
    """Run the notebooks and check that they show what is stored (minutes); ``-- --write`` stores it anew."""
    _install(session, "examples", ".[train,offline]")
    session.run("python", "tests/notebooks/run.py", *session.posargs)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Fill the disk, make it read-only and kill the process at every point where a verb writes (minutes)."""
    _install(session, "test", ".[train,offline]")
    everything = {**ONE_THREAD, "DERMBENCH_FAULTS": "all"}
    files = sorted(str(path) for path in Path("tests").rglob("test_*_faults.py"))
    session.run("pytest", "-n", "2", *files, *session.posargs, env=everything)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Damage 12,000 files, some for each reader, in processes of bounded memory (minutes); ``-- --seed 1``."""
    _install(session, "test", ".[train,offline,onnx,xlsx,audit]")
    session.run("python", "-m", "tests.fuzz.run", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Plant 300 faults in readers and leaderboard checks, and count those that the tests find (minutes)."""
    _install(session, "test", ".[train,offline,onnx,xlsx,audit]")
    _install(session, "mutants")
    session.run("python", "-m", "tests.mutants.run", *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def hooks(session: nox.Session) -> None:
    """Run the hooks of .pre-commit-config.yaml on all files."""
    _install(session, "hooks")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, check their content, and run the wheel in an environment of its own."""
    _install(session, "build")
    made, room = Path("dist"), Path(session.create_tmp()).resolve()
    for old in made.glob("dermbench-*"):
        old.unlink()
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(made))  # the wheel from the sdist
    session.run("python", "tests/packaging/contents.py", str(made))
    session.run("python", "-m", "venv", "--clear", str(room / "fresh"))
    programs = room / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = made.glob("*.whl")
    session.run(
        str(programs / "python"), "-m", "pip", "install", "-q", "-c", "constraints.txt", str(wheel), external=True
    )
    shutil.copytree("examples/audit", room / "audit", dirs_exist_ok=True)
    with session.chdir(room):  # outside of the checkout, which would be imported instead
        dermbench = str(programs / "dermbench")
        session.run(dermbench, "--help", external=True)
        files = ["audit/vendor.csv", "--truth", "audit/truth.csv", "--split", "test"]
        session.run(dermbench, "eval", *files, "--out", "report", external=True)


@nox.session(python=LOWEST_PYTHON, default=False)
def minimums(session: nox.Session) -> None:
    """Run the tests that need no training on the lowest version of each library that pyproject.toml allows."""
    _install(session, "minimums")
    pins = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
    tools = [pin for pin in pins if pin.partition("==")[0] in TEST_TOOLS]
    lowest = ["--resolution", "lowest-direct", "--python", f"{session.bin}/python"]
    session.run("uv", "pip", "install", *lowest, ".[xlsx]", *tools)
    session.run("uv", "pip", "freeze", "--python", f"{session.bin}/python")
    # Old libraries warn of what they will change; before rich 14.3 a column of a table is one space wider.
    chosen = ["-m", f"{DEFAULT} and not train", "-k", "not terminal- and not first_screen"]
    arguments = session.posargs or ["-n", "2", *chosen, *WITHOUT_TRAINING]
    session.run("pytest", "-W", "default", *arguments, env=ONE_THREAD)
