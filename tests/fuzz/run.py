"""Damage files for every reader: ``python -m tests.fuzz.run --files 12000 --seed 0``; exit 1 when one fails."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dermbench.cli.output import say
from tests.fuzz.readers import found_readers
from tests.fuzz.samples import samples
from tests.fuzz.trial import SECONDS, damaged, limit_memory, try_reader

PATIENCE = 4 * SECONDS
"""Seconds after which a process that tells nothing is ended: a hang that no signal of its own can stop."""


def fuzz(name, cases, n, seed):
    """Try ``n`` files in processes of their own; one that dies or hangs is told and the rest is tried."""
    context, parts, first = multiprocessing.get_context("fork"), [], 0
    while first < n:
        current, (mine, theirs) = context.Array("d", [first, time.time()]), context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(name, cases, range(first, n), seed, current, theirs))
        process.start()
        theirs.close()
        while process.is_alive() and not mine.poll(0.2):
            if time.time() - current[1] > PATIENCE:
                process.kill()
        with suppress(EOFError):
            parts.append((mine.recv(), None))
            first = n
        process.join()
        if first == n:
            break
        number = int(current[0])
        what = f"the process ended with {process.exitcode}"
        done = try_in_child(context, name, cases, range(first, number), seed)
        parts.append((done, (what, number)))
        first = number + 1
    return parts


def try_in_child(context, name, cases, numbers, seed):
    """Try files again of which it is known that they end no process."""
    mine, theirs = context.Pipe(duplex=False)
    current = context.Array("d", [0, time.time()])
    process = context.Process(target=_child, args=(name, cases, numbers, seed, current, theirs))
    process.start()
    outcome = mine.recv()
    process.join()
    return outcome


def _child(name, cases, numbers, seed, current, told):
    def tell(number):
        current[0], current[1] = number, time.time()

    limit_memory()
    told.send(try_reader(name, cases, numbers, seed=seed, told=tell))


def main():
    """Fuzz all readers, or those whose name holds ``--reader``, and print one line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", default="")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = samples(Path(folder))
    names = sorted(name for name in known if options.reader in name)
    each, started, failed = -(-options.files // len(names)), time.perf_counter(), 0
    for name in sorted(found_readers() - known.keys()):
        say(f"{name}: no sample; add one to tests/fuzz/samples.py")
        failed += 1
    for name in names:
        numbers = tell(name, fuzz(name, known[name], each, options.seed), each)
        failed += len(numbers)
        if options.keep is not None:
            keep(options.keep, name, known[name], options.seed, numbers)
    seconds = time.perf_counter() - started
    say(f"{each * len(names):,} files over {len(names)} readers in {seconds:.0f} s: {failed} failed")
    return int(failed > 0)


def tell(name, parts, each):
    """Print what came of a reader and return the numbers of the files that failed."""
    failures = {}
    for outcome, death in parts:
        for what, numbers in [*outcome.failures.items(), *([(death[0], [death[1]])] if death else [])]:
            failures.setdefault(what, []).extend(numbers)
    accepted, refused = sum(p.accepted for p, _ in parts), sum(p.refused for p, _ in parts)
    slowest, memory = max(p.slowest for p, _ in parts), max(p.memory for p, _ in parts)
    failed = [number for numbers in failures.values() for number in numbers]
    counts = f"{each} files, {accepted} read, {refused} refused, {len(failed)} failed"
    say(f"{name}: {counts}; slowest {slowest:.1f} s, {memory >> 20} MB more")
    for what, numbers in failures.items():
        say(f"    {len(numbers)} x {what}: {numbers[:5]}")
    return failed


def keep(folder, name, cases, seed, numbers):
    """Write the files that failed into a folder."""
    for number in numbers:
        case, content = damaged(cases, number, seed, name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name.rpartition('.')[2]}-{number}-{Path(case.target).name}").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
