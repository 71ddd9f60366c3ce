"""Export prepared datasets: Croissant, ImageFolder, a dataset card."""

from dermbench.data.export.export import export_dataset
from dermbench.data.export.format import EXPORTS, Exported
from dermbench.data.export.formats import format_names

__all__ = ["EXPORTS", "Exported", "export_dataset", "format_names"]
