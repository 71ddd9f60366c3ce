"""Leaderboards: add entries, recompute all numbers from their predictions, and write the board."""

from dermbench.leaderboard.add import add
from dermbench.leaderboard.build import Built, build
from dermbench.leaderboard.check_all import Effort
from dermbench.leaderboard.control import Lapse, control
from dermbench.leaderboard.init import init
from dermbench.leaderboard.remove import remove
from dermbench.leaderboard.slug import slugify
from dermbench.leaderboard.summary import summary_markdown
from dermbench.leaderboard.truths import Sources
from dermbench.leaderboard.verified import Verified
from dermbench.leaderboard.verify import verify

__all__ = [
    "Built",
    "Effort",
    "Lapse",
    "Sources",
    "Verified",
    "add",
    "build",
    "control",
    "init",
    "remove",
    "slugify",
    "summary_markdown",
    "verify",
]
