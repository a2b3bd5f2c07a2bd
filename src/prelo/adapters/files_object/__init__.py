"""Object storage through obstore: a local folder, S3 and what speaks its language."""

from prelo.adapters.files_object.files import PART_BYTES, ObjectFiles

__all__ = ["PART_BYTES", "ObjectFiles"]
