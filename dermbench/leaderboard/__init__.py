"""Leaderboards that anyone can recompute: entries in, README.md out."""

from dermbench.leaderboard.add import add
from dermbench.leaderboard.build import Built, build
from dermbench.leaderboard.check_all import Effort
from dermbench.leaderboard.control import Lapse, control
from dermbench.leaderboard.remove import remove
from dermbench.leaderboard.slug import slugify
from dermbench.leaderboard.truths import Sources
from dermbench.leaderboard.verify import Verified, verify

__all__ = [
    "Built",
    "Effort",
    "Lapse",
    "Sources",
    "Verified",
    "add",
    "build",
    "control",
    "remove",
    "slugify",
    "verify",
]
