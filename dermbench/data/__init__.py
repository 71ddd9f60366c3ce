"""Prepare dataset folders from raw releases, check them and audit them."""

from dermbench.data.audit import AuditResult, audit, write_audit, write_groups
from dermbench.data.check import CheckResult, check
from dermbench.data.prepare import prepare
from dermbench.data.source import SOURCES, Release, Request
from dermbench.data.splits import DEFAULT_FRACTIONS, assign_splits

__all__ = [
    "DEFAULT_FRACTIONS",
    "SOURCES",
    "AuditResult",
    "CheckResult",
    "Release",
    "Request",
    "assign_splits",
    "audit",
    "check",
    "prepare",
    "write_audit",
    "write_groups",
]
