"""Reader of the MovieLens ratings."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import Bunch

# The files of the releases: separator, columns of users, items, ratings and time stamps, and number
# of header lines. The separator "::" is read as two colons with an empty column between them.
_LAYOUTS = {
    "u.data": ("\t", [0, 1, 2, 3], 0),
    "ratings.dat": (":", [0, 2, 4, 6], 0),
    "ratings.csv": (",", [0, 1, 2, 3], 1),
}
_COLUMNS = ["user", "item", "rating", "timestamp"]


def load_movielens(path: str | os.PathLike) -> Bunch:
    r"""Read a MovieLens release as a sparse table of ratings.

    The releases are available at https://grouplens.org/datasets/movielens, each with its licence:
    100K (``u.data``), 1M and 10M (``ratings.dat``), and all later ones (``ratings.csv``) [1]_.

    Parameters
    ----------
    path : str or path-like
        A file of ratings, a folder that contains one, or the downloaded zip file.

    Returns
    -------
    data : Bunch
        Object with the attributes

        ratings : csr_matrix of shape (n_users, n_items), dtype float64
            Ratings; entries that are not stored are unknown.
        user_ids, item_ids : ndarray of int
            Numbers of the users and the items in the release, in ascending order.
        timestamps : csr_matrix of shape (n_users, n_items), dtype int64
            Times of the ratings, in seconds since 1970.

    Raises
    ------
    FileNotFoundError
        If the file does not exist, or contains no ratings of a release.

    ValueError
        If a line of the file does not contain a user, an item, a rating and a time stamp.

    References
    ----------
    .. [1] F. M. Harper and J. A. Konstan, "The MovieLens datasets: history and context", ACM
       Transactions on Interactive Intelligent Systems 5(4), 2015.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skae.datasets import load_movielens
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "ratings.dat").write_text("1::20::4::978300760\n7::10::3.5::978302109\n")
    >>> data = load_movielens(folder)
    >>> data.ratings.toarray()
    array([[0. , 4. ],
           [3.5, 0. ]])
    >>> data.user_ids, data.item_ids
    (array([1, 7]), array([10, 20]))
    """
    name, content = _found(Path(os.fspath(path)))
    separator, columns, n_skipped = _LAYOUTS[name]
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            sep=separator,
            header=None,
            usecols=columns,
            skiprows=n_skipped,
            dtype=np.float64,
        )
        table = table[columns].set_axis(_COLUMNS, axis=1)
        numbers = table[["user", "item", "timestamp"]]
        if not (np.isfinite(table).all(axis=None) and (numbers % 1 == 0).all(axis=None)):
            raise ValueError("a number is missing, or is not an integer")
    except ValueError as error:
        raise ValueError(
            f"{path} is not a MovieLens file of ratings: each line of {name} must contain a user, "
            f"an item, a rating and a time stamp, separated by {separator!r}: {error}."
        ) from error
    users, rows = np.unique(table["user"].astype(np.int64), return_inverse=True)
    items, places = np.unique(table["item"].astype(np.int64), return_inverse=True)
    shape = len(users), len(items)
    stamps = table["timestamp"].to_numpy(np.int64)
    return Bunch(
        ratings=sp.csr_matrix((table["rating"].to_numpy(), (rows, places)), shape=shape),
        user_ids=users,
        item_ids=items,
        timestamps=sp.csr_matrix((stamps, (rows, places)), shape=shape),
    )


def _found(path: Path) -> tuple[str, bytes]:
    """Return the name and the content of the file of ratings at a path."""
    if path.is_dir():
        for name in _LAYOUTS:
            if (path / name).is_file():
                return name, (path / name).read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                if entry.rsplit("/", 1)[-1] in _LAYOUTS:
                    return entry.rsplit("/", 1)[-1], archive.read(entry)
    elif path.is_file() and path.name in _LAYOUTS:
        return path.name, path.read_bytes()
    raise FileNotFoundError(
        f"No MovieLens ratings at {path}: give the zip file of a release, its folder, or one of "
        f"the files {', '.join(_LAYOUTS)}."
    )
