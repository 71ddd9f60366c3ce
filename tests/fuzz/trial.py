"""Give damaged files to a reader: it must return or raise an error of dermbench, soon and in bounded memory."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dermbench.errors import DermbenchError
from tests.fuzz.mutate import mutant

SECONDS = 5
MEMORY = 2 << 30


class Hang(BaseException):
    """A reader that takes longer than :data:`SECONDS`."""


@dataclass
class Outcome:
    """What came of the damaged files of one reader.

    Attributes
    ----------
    accepted, refused
        How many were read, and how many gave an error of dermbench.
    failures
        {what happened: numbers of the files}.
    slowest
        Seconds of the slowest.
    memory
        Bytes that the process grew by at its peak.
    """

    accepted: int = 0
    refused: int = 0
    failures: dict[str, list[int]] = field(default_factory=dict)
    slowest: float = 0.0
    memory: int = 0


def damaged(cases, number, seed, name):
    """Return sample number ``number`` of a reader and its damaged content; the same each time."""
    rng = random.Random(f"{seed} {name} {number}")
    case = cases[number % len(cases)]
    return case, mutant(case.files[case.target], [other.files[other.target] for other in cases], rng)


def try_reader(name, cases, numbers, *, seed=0, told=lambda number: None):
    """Give the damaged files ``numbers`` to a reader and return what came of them."""
    outcome, peak = Outcome(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        told(number)
        case, content = damaged(cases, number, seed, name)
        started = time.perf_counter()
        what = _one(case, content)
        took = time.perf_counter() - started
        what = what if took < SECONDS else f"takes longer than {SECONDS} s"
        outcome.slowest = max(outcome.slowest, took)
        outcome.accepted += what == "accepted"
        outcome.refused += what == "refused"
        if what not in {"accepted", "refused"}:
            outcome.failures.setdefault(what, []).append(number)
    outcome.memory = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    return outcome


def _one(case, content):
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        case.lay_out(folder)
        (folder / case.target).write_bytes(content)
        with _no_longer(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.call(folder)
    except DermbenchError as error:
        return "refused" if error.exit_code == 2 and str(error) else f"no message of {type(error).__name__}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if "dermbench" in frame.filename]
        where = " in ".join(f"{Path(f.filename).name}:{f.lineno}" for f in (frames[-1], *own[-1:]))
        return f"{type(error).__name__} at {where}: {str(error)[:80]!r}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "accepted"


@contextmanager
def _no_longer(seconds):
    def stop(number, frame):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def limit_memory():
    """Let this process take :data:`MEMORY` more bytes than it has; what needs more gets ``MemoryError``."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
