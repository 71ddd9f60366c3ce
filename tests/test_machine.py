from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from dermbench import machine
from dermbench.machine import memory_reused
from dermbench.training.config.device import computing, make_runtime

LARGE = 16_000_000
"""Numbers of float32 in a block that the C library would map by itself."""


def mapped() -> int:
    """Return how much memory this process has mapped outside its heap, in bytes."""
    kept = torch.empty(LARGE)
    for line in Path("/proc/self/maps").read_text(encoding="ascii").splitlines():
        low, high = (int(text, 16) for text in line.split()[0].split("-"))
        if low <= kept.data_ptr() < high:
            return 0 if line.endswith("[heap]") else high - low
    raise AssertionError("the block is nowhere")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_large_blocks_come_from_the_heap_within_and_are_mapped_again_after():
    assert mapped() > 0
    with memory_reused() as asked:
        assert asked
        assert mapped() == 0
    assert mapped() > 0


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(machine.platform, "libc_ver", lambda: ("", ""))
    with memory_reused() as asked:
        assert not asked


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_training_on_a_cpu_reuses_memory():
    with computing(make_runtime("cpu")):
        assert mapped() == 0
