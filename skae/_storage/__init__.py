"""Files of plain values and arrays that are safe to open: JSON and safetensors in one zip.

``FileFormatError`` is the error of what is no such file, ``write_file`` and ``read_file`` are the
two ways. What the values mean is not known here.
"""

from skae._storage.error import FileFormatError
from skae._storage.files import MOST_BYTES, read_file, write_file

__all__ = ["MOST_BYTES", "FileFormatError", "read_file", "write_file"]
