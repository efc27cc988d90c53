"""The error for files that skae did not write, or that are damaged."""


class FileFormatError(ValueError):
    """A file is not one that skae wrote, is damaged, or is of a later version.

    A file that cannot be opened at all raises an :class:`OSError`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skae._storage import FileFormatError, read_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "notes.txt")
    ...     _ = path.write_text("These are notes.")
    ...     try:
    ...         _ = read_file(path, content="model")
    ...     except FileFormatError as error:
    ...         print("refused:", str(error)[-26:])
    refused: begins with b'These are'.
    """
