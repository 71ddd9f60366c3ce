"""Print the devices that torch can use, as a JSON list.

``dermbench doctor`` runs this in a separate process, because a broken torch may crash and a driver may hang.
"""

from __future__ import annotations

import json

from dermbench.machine import available_cores


def devices() -> list[str]:
    """Return the names of the devices that can train here, best first; the CPU is always last."""
    import torch  # noqa: PLC0415 - only the separate process imports torch

    found = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, f"cpu ({available_cores()} cores)"]


if __name__ == "__main__":
    print(json.dumps(devices()))  # noqa: T201 - the output of the program
