"""Raw releases become dataset folders; datasets are checked and audited."""

from dermbench.data.audit import AuditResult, Finding, audit, write_audit
from dermbench.data.check import CheckResult, check
from dermbench.data.prepare import prepare
from dermbench.data.source import SOURCES, Release, Request
from dermbench.data.splits import DEFAULT_FRACTIONS, assign_splits

__all__ = [
    "DEFAULT_FRACTIONS",
    "SOURCES",
    "AuditResult",
    "CheckResult",
    "Finding",
    "Release",
    "Request",
    "assign_splits",
    "audit",
    "check",
    "prepare",
    "write_audit",
]
