"""Reports for people: terminal tables and markdown."""

from dermbench.reporting.markdown import to_markdown
from dermbench.reporting.terminal import print_report

__all__ = ["print_report", "to_markdown"]
