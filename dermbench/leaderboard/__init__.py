"""Leaderboards that anyone can recompute: entries in, README.md out."""

from dermbench.leaderboard.adding import add
from dermbench.leaderboard.building import Built, build
from dermbench.leaderboard.controls import Lapse, control
from dermbench.leaderboard.effort import Effort, cores
from dermbench.leaderboard.removing import remove
from dermbench.leaderboard.slug import slugify
from dermbench.leaderboard.truths import Sources
from dermbench.leaderboard.verifying import Verified, verify

__all__ = [
    "Built",
    "Effort",
    "Lapse",
    "Sources",
    "Verified",
    "add",
    "build",
    "control",
    "cores",
    "remove",
    "slugify",
    "verify",
]
