"""Plant faults in readers and leaderboard checks and count those that tests find: ``python -m tests.mutants.run``.

A sample of the mutants of cosmic-ray, drawn by ``--seed``. Each is tried with the tests that reach its line, the
most specific first. Mutants of annotations change nothing and are left out. Exit 1 when fewer than 85 % are found.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import coverage
import fairlearn.metrics  # noqa: F401 - imported before processes are forked
import pytest
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB

from dermbench.cli.output import say

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = (
    *("class_map", "class_spelling", "column_types", "columns", "guarded", "label_column", "labels", "missing"),
    *("one_hot", "parquet_tables", "prediction_columns", "prediction_ids", "prediction_values", "predictions"),
    *("raw_tables", "records", "scales", "skin", "tables", "tensor_header", "text_form", "text_layout"),
    *("text_tables", "truth", "xlsx_tables"),
)
LEADERBOARD = (
    *("check_all", "check_entry", "check_index", "check_settings", "check_sums", "check_without_truth"),
    *("consistency", "contents", "line_ends", "refuse", "reported", "settings", "stored", "surroundings"),
)
MODULES = [f"artifacts/{name}.py" for name in ARTIFACTS] + [f"leaderboard/{name}.py" for name in LEADERBOARD]
ROOMS = ("tests/artifacts", "tests/leaderboard", "tests/evaluation/test_cli_columns.py", "tests/fuzz")
ENOUGH = 0.85
MOST_TESTS = 40
SECONDS = 300
WORKERS = 2
CONTROLS = 10
"""Mutants whose tests are run on the package as it is first: they must pass."""
OPTIONS = (
    "-x",
    "-q",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:cov",
    "--hypothesis-seed=0",
)


def mutants():
    """Return (module, operator, occurrence, first line, first column) of every mutant that can matter."""
    found = []
    for module in MODULES:
        path = ROOT / "dermbench" / module
        source = path.read_text(encoding="utf-8")
        silent = _annotations(source)
        stars = {(n, at) for n, line in enumerate(source.splitlines(), 1) for at in _bare_stars(line)}
        with contextlib.closing(WorkDB(":memory:", WorkDB.Mode.create)) as made:
            init([path], made, {})
            for item in made.work_items:
                (one,) = item.mutations
                place = one.start_pos
                if place not in stars and not any(start <= place < end for start, end in silent):
                    found.append((module, one.operator_name, one.occurrence, *one.start_pos))
    return sorted(found)


def _bare_stars(line):
    """Return where a ``*`` separates parameters: cosmic-ray takes it for a product."""
    return [at for at in range(len(line)) if line.startswith("*,", at)]


def _annotations(source):
    """Return where annotations start and end; nothing runs them."""
    tree, parts = ast.parse(source), []
    for node in ast.walk(tree):
        parts += [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            parts += node.body
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.BinOp)
            and isinstance(node.value.op, ast.BitOr)
        ):
            parts.append(node.value)  # a type that has a name
    return [
        ((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset))
        for part in parts
        if part is not None
    ]


def reaching(data):
    """Return {(module, line): tests that run it}, the tests that run the fewest lines first.

    Lines that run when a module is imported have the tests that run any other line of it, under line 0.
    """
    lines, breadth = defaultdict(set), Counter()
    for file in data.measured_files():
        name = str(file).rpartition("dermbench/")[2]
        for line, contexts in data.contexts_by_lineno(file).items():
            tests = {context.partition("|")[0] for context in contexts if context}
            breadth.update(tests)
            if name in MODULES:
                lines[name, line] |= tests
                lines[name, 0] |= tests
    return {place: sorted(tests, key=lambda test: (breadth[test], test)) for place, tests in lines.items()}


def measure(folder):
    """Run the tests once, and return which lines each runs."""
    # every process of the tests writes a file of its own
    command = [sys.executable, "-m", "pytest", *ROOMS, "-q", "-n", "2", "--cov=dermbench", "--cov-context=test"]
    where = {**os.environ, "COVERAGE_FILE": str(folder / "coverage")}
    subprocess.run([*command, "--cov-report=", "-k", "not faults"], cwd=ROOT, env=where, check=False)
    data = coverage.CoverageData(str(folder / "coverage"))
    data.read()
    return data


def outcome(mutant, tests, copy, *, plant=True):
    """Return what the tests say of the copy of the package that holds the mutant, or of one without it.

    ``survived`` when all pass, ``found`` when one fails, ``hung`` when they take more than :data:`SECONDS`.
    """
    module, operator, occurrence, *_ = mutant
    path = copy / "dermbench" / module
    whole = path.read_text(encoding="utf-8")
    if plant:
        changed = mutate_code(whole, get_operator(operator)(), occurrence)
        assert changed not in {None, whole}
        path.write_text(changed, encoding="utf-8")
    try:
        process = multiprocessing.get_context("fork").Process(target=_run, args=(tests, copy))
        process.start()
        process.join(SECONDS)
        alive = process.is_alive()
        process.kill()
        process.join()
        return "hung" if alive else "found" if process.exitcode else "survived"
    finally:
        path.write_text(whole, encoding="utf-8")
        for kept in path.parent.glob(f"__pycache__/{path.stem}.*"):
            kept.unlink()


def _run(tests, copy):
    os.setpgrp()
    for name in [name for name in sys.modules if name.split(".")[0] in {"dermbench", "tests"}]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(copy))
    os.environ["PYTHONPATH"] = str(copy)
    os.chdir(ROOT)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    os._exit(pytest.main([*OPTIONS, *tests]))


_COPY = []


def _take(copies):
    _COPY.append(copies.get())


def _try(job):
    mutant, tests = job
    return mutant, outcome(mutant, tests[:MOST_TESTS], _COPY[0]) if tests else "survived"


def main():
    """Draw mutants, try them, and print the survivors and the share that was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", type=Path, help="data file of an earlier run with --cov-context=test")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = coverage.CoverageData(str(options.coverage)) if options.coverage else measure(folder)
        data.read()
        tests = reaching(data)
        drawn = random.Random(options.seed).sample(every := mutants(), options.mutants)
        fork = multiprocessing.get_context("fork")
        copies = fork.Queue()
        for index in range(WORKERS):
            copies.put(folder / f"copy-{index}")
            shutil.copytree(ROOT / "dermbench", folder / f"copy-{index}" / "dermbench")
        jobs = [(mutant, tests.get((mutant[0], mutant[3])) or tests.get((mutant[0], 0), [])) for mutant in drawn]
        for mutant, those in jobs[:CONTROLS]:
            if outcome(mutant, those[:MOST_TESTS], folder / "copy-0", plant=False) != "survived":
                say(f"the tests of {mutant[0]}:{mutant[3]} fail without a mutant")
                return True
        results = Counter()
        with ProcessPoolExecutor(WORKERS, mp_context=fork, initializer=_take, initargs=(copies,)) as pool:
            for mutant, result in pool.map(_try, jobs):
                results[result] += 1
                if result != "found":
                    say(f"{result}: {mutant[0]}:{mutant[3]}:{mutant[4]} {mutant[1]} {mutant[2]}")
    share = 1 - results["survived"] / sum(results.values())
    say(f"{dict(results)}: {share:.0%} of the mutants found, drawn from {len(every):,}")
    return share < ENOUGH


if __name__ == "__main__":
    sys.exit(main())
