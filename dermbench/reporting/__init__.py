"""Reports for people: terminal tables, markdown and HTML."""

from dermbench.reporting.markdown import to_markdown
from dermbench.reporting.pages.report_html import to_html
from dermbench.reporting.terminal import print_report

__all__ = ["print_report", "to_html", "to_markdown"]
