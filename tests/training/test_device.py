from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from dermbench.errors import UsageError
from dermbench.training.config.device import make_runtime


@pytest.mark.parametrize(("capability", "precision"), [(7, "fp16"), (8, "bf16"), (9, "bf16")])
def test_a_gpu_that_only_emulates_bf16_computes_in_fp16(monkeypatch, capability, precision):
    """A T4 (7.5) holds tensors in bf16, but multiplies in fp16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=capability))
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    assert make_runtime("auto").precision == precision


def test_a_cpu_computes_in_float32_and_not_in_fp16():
    assert make_runtime("cpu").precision == "fp32"
    with pytest.raises(UsageError, match="fp16 needs a CUDA device"):
        make_runtime("cpu", precision="fp16")
