"""Reporting checklists, filled in item by item from records; the author completes the rest."""

from dermbench.reporting.documents.dossier.document import dossier_markdown
from dermbench.reporting.documents.dossier.standard import Item, Standard, load_standard, standard_names

__all__ = ["Item", "Standard", "dossier_markdown", "load_standard", "standard_names"]
