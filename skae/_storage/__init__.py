"""Files of plain values and arrays that are safe to open: JSON and safetensors in one zip.

The functions are ``write_file`` and ``read_file``; ``FileFormatError`` is the error for any other
file. This package does not interpret the values.
"""

from skae._storage.error import FileFormatError
from skae._storage.files import MOST_BYTES, read_file, write_file

__all__ = ["MOST_BYTES", "FileFormatError", "read_file", "write_file"]
