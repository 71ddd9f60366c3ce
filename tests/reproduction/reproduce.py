"""Does the repository say what it does? Run by ``nox -s reproduce``; prints what was proved and what was not.

1. Synthetic data: made anew, its hashes are those of the boards that were scored on it.
2. Training: the quickstart in two processes gives the same predictions.
3. Boards: every one verifies.
4. README: marked commands print what it shows, marked excerpts stand in the files they name.
5. Generated files and pictures: made anew, they are those in the repository.
"""

# ruff: noqa: T201 - printing is what it is for

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from readme import absent, claims, excerpts, first_difference

ROOT = Path(__file__).resolve().parents[2]
BOARDS = "leaderboards"
QUICKSTART = ("quickstart",)
GENERATED = (("leaderboard", "build", BOARDS, "--check", "--stored", "--quick"),)
"""Commands that make generated files anew and exit with 1 where one differs."""


@dataclass
class Findings:
    """What was found, one sentence each."""

    proved: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def judge(self, claim: str, problem: str | None) -> None:
        """Count ``claim`` as proved, or as failed with the problem."""
        if problem is None:
            self.proved.append(claim)
        else:
            self.failed.append(f"{claim}: {problem}")

    def report(self) -> int:
        """Print everything; return the exit code."""
        for title, lines in (("proved", self.proved), ("not proved", self.unproved), ("FAILED", self.failed)):
            for line in lines:
                print(f"{title}: {line}")
        return int(bool(self.failed))


def dermbench(arguments, folder: Path) -> tuple[int, str]:
    """Run the command line in a process of its own; return exit code and standard output."""
    print(f"$ dermbench {shlex.join(arguments)}", file=sys.stderr, flush=True)
    environment = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, "-m", "dermbench", *arguments],
        cwd=folder,
        env=environment | {"NO_COLOR": "1", "TERM": "dumb", "PYTHONHASHSEED": "random"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return done.returncode, done.stdout


def recreate(found: Findings, root: Path, work: Path, run=dermbench) -> dict[str, Path]:
    """Make every dataset that a board says how to draw; return the dataset folders by board."""
    made: dict[str, Path] = {}
    for path in sorted((root / BOARDS).glob("*/board.toml")):
        board = tomllib.loads(path.read_text(encoding="utf-8"))
        words, name = shlex.split(board.get("recreate", "")), path.parent.name
        if "DATASET" not in words or "RAW" in words:
            found.unproved.append(f"{name}: its images are no synthetic ones; their hashes were not made anew")
            continue
        folder = work / f"data-{name}"
        code, _ = run([str(folder) if word == "DATASET" else word for word in words[1:]], work)
        if code:
            found.failed.append(f"{name}: `{board['recreate']}` exits with {code}")
            continue
        made[name] = folder
        digest = tomllib.loads((folder / "dataset.toml").read_text(encoding="utf-8"))["digest"]
        if wanted := board.get("dataset_digest"):
            problem = None if digest == wanted else f"board.toml says {wanted}, made anew {digest}"
            found.judge(f"{name}: labels and every image, drawn anew, have the hash in board.toml", problem)
        else:
            found.unproved.append(f"{name}: board.toml holds no hash of images yet; made anew it is {digest}")
    return made


def train_twice(found: Findings, work: Path, run=dermbench) -> str | None:
    """Run the quickstart in two folders; return what the first printed."""
    claim, hashes, printed = "two quickstarts in separate processes give the same predictions", [], []
    for name in ("first", "second"):
        (work / name).mkdir(parents=True, exist_ok=True)
        code, output = run(QUICKSTART, work / name)
        if code:
            found.judge(claim, f"`dermbench quickstart` exits with {code}")
            return None
        printed.append(output)
        hashes.append(prediction_hashes(work / name))
    differ = sorted(slug for slug in {*hashes[0], *hashes[1]} if hashes[0].get(slug) != hashes[1].get(slug))
    problem = f"differ in {', '.join(differ)}" if differ else None if hashes[0] else "there is no entry"
    found.judge(f"{claim} ({', '.join(sorted(hashes[0]))})", problem)
    return printed[0]


def prediction_hashes(folder: Path) -> dict[str, str]:
    """Return the content hash of the predictions of every entry below a folder."""
    reports = sorted(folder.glob("**/entries/*/report.json"))
    return {p.parent.name: json.loads(p.read_text())["provenance"]["predictions_digest"] for p in reports}


def verify_boards(found: Findings, root: Path, made: dict[str, Path], run=dermbench) -> None:
    """Verify every board, with the dataset made for it where there is one."""
    for path in sorted((root / BOARDS).glob("*/board.toml")):
        name = path.parent.name
        scored = bool(tomllib.loads(path.read_text(encoding="utf-8")).get("truth_digest"))
        given = ["--data", str(made[name])] if name in made and scored else []
        code, output = run(["leaderboard", "verify", str(path.parent), *given], root)
        lines = [line.strip() for line in output.splitlines()]
        found.unproved += [
            f"{name}: {line.removeprefix('not checked: ')}" for line in lines if "not checked:" in line
        ]
        found.proved += [
            f"{name}: {line.removeprefix('checked: ')}" for line in lines if line.startswith("checked:")
        ]
        if code:
            found.failed.append(f"{name}: `leaderboard verify` exits with {code}")


def read_readme(found: Findings, root: Path, folder: Path, quickstart: str | None, run=dermbench) -> None:
    """Run the marked commands of the README in ``folder``, and look up its marked excerpts."""
    text = (root / "README.md").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / BOARDS).exists():
        (folder / BOARDS).symlink_to(root / BOARDS, target_is_directory=True)
    for claim in claims(text):
        if QUICKSTART in claim.commands and quickstart is None:
            found.unproved.append("README: what the quickstart prints, because it did not run to its end")
            continue
        printed, codes = "", []
        for command in claim.commands:
            if command == QUICKSTART:
                printed += quickstart or ""
                continue
            code, output = run(command, folder)
            codes.append(code)
            printed += output
        said = (
            "README: `"
            + "; ".join(f"dermbench {shlex.join(c)}" for c in claim.commands)
            + "` prints what is shown"
            + (f", fractions to {claim.tolerance:g}" if claim.tolerance else "")
        )
        problem = first_difference(claim.output, printed, claim.tolerance)
        found.judge(said, f"exit codes {codes}" if any(codes) else problem)
    for name, lines in excerpts(text):
        whole = (root / name).read_text(encoding="utf-8") if (root / name).is_file() else ""
        missing = absent(lines, whole)
        found.judge(f"README: an excerpt stands in {name}", f"without {missing!r}" if missing else None)
    if not claims(text):
        found.unproved.append("README: no command is marked <!-- reproduce -->")


def regenerate(found: Findings, root: Path, run=dermbench) -> None:
    """Make generated files anew."""
    for command in GENERATED:
        code, output = run(command, root)
        problem = output.strip() or f"exits with {code}"
        found.judge(f"generated files are what `dermbench {shlex.join(command)}` makes", problem if code else None)


def redraw(found: Findings, root: Path) -> None:
    """Draw the pictures of README and docs anew."""
    command = [sys.executable, str(root / "docs" / "images" / "make.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    problem = done.stderr.strip() or f"exits with {done.returncode}"
    found.judge("pictures are what `python docs/images/make.py` draws", problem if done.returncode else None)


def main() -> int:
    """Prove what can be proved here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-training", action="store_true", help="leave out the two quickstarts (minutes)")
    options = parser.parse_args()
    found = Findings()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = recreate(found, ROOT, work)
        quickstart = None
        if options.no_training:
            found.unproved.append("training is reproducible (--no-training)")
        else:
            quickstart = train_twice(found, work)
        verify_boards(found, ROOT, made)
        read_readme(found, ROOT, work / "first", quickstart)
        regenerate(found, ROOT)
        redraw(found, ROOT)
    found.unproved.append("the trainings behind the boards' entries: only their predictions were evaluated again")
    found.unproved.append("durations: they are masked wherever output is compared")
    return found.report()


if __name__ == "__main__":
    raise SystemExit(main())
