"""Files that callers uploaded: what is in them, and their rows."""

from prelo.adapters.datasets_arrow.assay import ArrowAssay
from prelo.adapters.datasets_arrow.source import DatasetSource

__all__ = ["ArrowAssay", "DatasetSource"]
