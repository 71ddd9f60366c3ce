"""``audit``: what in a dataset would make its numbers wrong."""

from dermbench.data.audit.audit import AuditResult, Finding, audit, audit_document, write_audit
from dermbench.data.audit.pairs import Pairs, PairSettings, find_pairs, groups

__all__ = [
    "AuditResult",
    "Finding",
    "PairSettings",
    "Pairs",
    "audit",
    "audit_document",
    "find_pairs",
    "groups",
    "write_audit",
]
