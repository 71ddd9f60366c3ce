"""``audit``: find what would make the numbers of a dataset wrong."""

from dermbench.data.audit.audit import AuditResult, audit, write_audit, write_groups
from dermbench.data.audit.pairs import Pairs, find_pairs, groups

__all__ = [
    "AuditResult",
    "Pairs",
    "audit",
    "find_pairs",
    "groups",
    "write_audit",
    "write_groups",
]
