"""What this process may use of its machine: processor cores, memory, and memory that is used again.

Each layer's output is tens of megabytes that live for one step, each array of a drawing 0.1 to 0.4 MB that lives
for one sum. The C library of Linux maps blocks of that size anew each time, and the system clears every page of
them. Taking them from the heap reuses what the step before has freed: drawing then takes a fifth less time, and
``benchmarks/results/speed-cpu.md`` has what it is worth in training.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")
TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of mallopt(3): free memory at the top that is given back; number of blocks that may be mapped."""
REUSED = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1}
USUAL = {MMAP_MAX: 65_536, TRIM_THRESHOLD: 128 * 1024}
"""What the parameters are at the start of a process, malloc.h of glibc."""


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Return the bytes of memory that a new program could use; None where the system is not Linux."""
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return min([*sizes, *_room_of_container()], default=None)


def _room_of_container() -> list[int]:
    """Return the bytes that are left to this process's container; nothing where it has no limit."""
    try:
        limit, used = (
            (CONTAINER / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current")
        )
    except OSError:
        return []
    return [max(0, int(limit) - int(used))] if limit.isdecimal() else []


@contextmanager
def memory_reused() -> Iterator[bool]:
    """Reuse large blocks of memory within the block; afterwards give back to the system what is free.

    The parameters are then those of the start of a process (mallopt(3) cannot be asked what they were), and glibc
    no longer adapts them by itself.

    Yields
    ------
    bool
        Whether it could be asked for: False where the C library is not glibc. No result depends on it.
    """
    if platform.libc_ver()[0] != "glibc":
        yield False
        return
    library = ctypes.CDLL(None)
    done = [library.mallopt(name, value) for name, value in REUSED.items()]
    try:
        yield all(done)
    finally:
        for name, value in USUAL.items():
            library.mallopt(name, value)
        library.malloc_trim(0)
