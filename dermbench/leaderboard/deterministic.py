"""The part of a report that does not depend on random draws: what a quick check recomputes."""

from __future__ import annotations

from typing import Any

DRAWN = frozenset(
    {
        "between_group_sd",
        "consistent",
        "minimum_detectable",
        "n_permutations",
        "n_resamples",
        "n_undefined",
        "null_median",
        "null_q05",
        "null_q95",
        "p_value",
        "p_values",
        "reasons",
        "tests",
        "verdict",
        "verdicts",
        "worst",
    }
)
"""Keys whose values rest on random draws, wherever they stand, or may do."""
_INTERVAL = frozenset({"high", "low", "method"})
_RESAMPLED = "resamples"
"""What the method of an interval that was drawn says, as in ``BCa bootstrap, 9999 resamples``."""


def deterministic(item: Any) -> Any:
    """Return a report's document without what rests on random draws.

    Values, counts, confusion tables, differences, ratios and intervals of a closed form stay. Out go bootstrap
    intervals, chance levels, p-values, detectable differences, verdicts, and the intervals of all disparities,
    because those of some metrics are drawn.
    """
    if isinstance(item, list | tuple):
        return [deterministic(part) for part in item]
    if not isinstance(item, dict):
        return item
    left_out = DRAWN | (_INTERVAL if _interval_drawn(item) else frozenset())
    if item.get("value") is not None:  # of a value that is there, why it has no interval
        left_out |= {"reason"}
    return {key: deterministic(part) for key, part in item.items() if key not in left_out}


def _interval_drawn(block: dict[str, Any]) -> bool:
    return "null_median" in block or _RESAMPLED in str(block.get("method", ""))
