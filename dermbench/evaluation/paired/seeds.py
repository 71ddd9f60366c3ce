"""Several seeds of a candidate: how far training apart moves a score, beside how far the test set does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.intervals.estimate import Z95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate

NO_SEEDS = "one run: the spread between seeds is not known"


def seed_values(candidate: Candidate, metric: Metric) -> list[float]:
    """Return the value of each seed on all images, NaN where undefined."""
    return [score(metric, sample) for sample in candidate.samples]


def seed_document(candidate: Candidate, metric: Metric, test_sd: float | None) -> dict[str, Any]:
    """Return {n, values {seed}, seed_sd, test_sd}: spread between seeds, and of the average between test sets."""
    values = seed_values(candidate, metric)
    named = {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(candidate.seeds, values, strict=True)
    }
    found: dict[str, Any] = {"n": len(values), "values": named, "seed_sd": None, "test_sd": test_sd}
    if len(values) < 2:
        return found | {"reason": NO_SEEDS}
    if not np.isfinite(values).all():
        return found | {"reason": f"undefined for a seed: {metric.undefined_when}"}
    return found | {"seed_sd": float(np.std(values, ddof=1))}


def test_sd(cell: dict[str, Any]) -> float | None:
    """Return the standard error that an interval stands for: its width over 2 x 1.96."""
    if cell.get("low") is None or cell.get("high") is None:
        return None
    return float(cell["high"] - cell["low"]) / (2 * Z95)


def averaged(cells: Sequence[dict[str, Any]], candidate: Candidate, metric: Metric) -> dict[str, Any]:
    """Return the cell of a candidate: that of its only run, or the average of its seeds with its interval."""
    if len(cells) == 1:
        return dict(cells[0])
    values = [cell["value"] for cell in cells]
    if any(value is None for value in values):
        return {"value": None, "reason": next(c["reason"] for c in cells if c["value"] is None)}
    found: dict[str, Any] = {"value": float(np.mean(seed_values(candidate, metric))), "n": cells[0].get("n")}
    ends = [[cell.get(end) for cell in cells] for end in ("low", "high")]
    if any(end is None for both in ends for end in both):
        return found | {"reason": "no interval: a seed has none"}
    half = [np.mean([v - low for v, low in zip(values, ends[0], strict=True)])]
    half += [np.mean([high - v for v, high in zip(values, ends[1], strict=True)])]
    low, high = found["value"] - half[0], found["value"] + half[1]
    return found | {"low": float(low), "high": float(high), "method": "average of the seeds' intervals"}
