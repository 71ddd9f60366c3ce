"""Print the devices that torch computes on, as a JSON list.

``dermbench doctor`` runs this as a program of its own: a torch that is broken may crash, and a driver may hang.
"""

from __future__ import annotations

import json

from dermbench.machine import available_cores


def devices() -> list[str]:
    """Return the devices that can train here, in words, best first; the CPU is always last."""
    import torch  # noqa: PLC0415 - imported by the program alone

    found = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, f"cpu ({available_cores()} cores)"]


if __name__ == "__main__":
    print(json.dumps(devices()))  # noqa: T201 - the output of the program
