"""The cores and memory that this process may use, and reuse of large memory blocks.

By default glibc maps every large block from the operating system anew, which clears all its pages. Layer outputs
(tens of megabytes, one step) and the arrays of drawn images (0.1 to 0.4 MB, one sum) are such blocks. Taking them
from the heap reuses freed memory. Drawing then takes a fifth less time; ``benchmarks/results/speed-cpu.md`` has
the gain in training.
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
"""Parameters of mallopt(3): free memory at the top to give back; number of blocks that may be mapped."""
REUSED = {MMAP_MAX: 0, TRIM_THRESHOLD: 2**31 - 1}
USUAL = {MMAP_MAX: 65_536, TRIM_THRESHOLD: 128 * 1024}
"""Values of the parameters when a process starts, from glibc's malloc.h."""


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Return the free memory in bytes, within the container's limit; None on systems other than Linux."""
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return min([*sizes, *_room_of_container()], default=None)


def _room_of_container() -> list[int]:
    """Return the bytes that this process's container may still use; empty if it has no limit."""
    try:
        limit, used = (
            (CONTAINER / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current")
        )
    except OSError:
        return []
    return [max(0, int(limit) - int(used))] if limit.isdecimal() else []


@contextmanager
def memory_reused() -> Iterator[bool]:
    """Reuse large blocks of memory inside the ``with`` block; afterwards return free memory to the system.

    Afterwards the parameters have the values of a new process, because mallopt(3) cannot read the earlier ones;
    glibc no longer adapts them.

    Yields
    ------
    bool
        Whether the parameters were set; False if the C library is not glibc. Results do not depend on it.
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
