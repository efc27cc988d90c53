"""The example of the documentation that needs faiss, which skae does not depend on."""

import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from skae import AutoencoderTransformer

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "image_search.rst"


def code_block():
    """Return the Python of the only code block of the page."""
    _, after = PAGE.read_text(encoding="utf-8").split(".. code-block:: python\n\n")
    lines = after.splitlines()
    end = next(i for i, line in enumerate(lines) if line and not line.startswith(" "))
    return textwrap.dedent("\n".join(lines[:end]))


def test_faiss_finds_what_scikit_learn_finds():
    if not PAGE.exists():
        pytest.skip("the documentation is not part of the source distribution")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what SWIG makes of Python's deprecations
        pytest.importorskip("faiss", reason="faiss is not installed: pip install faiss-cpu")
    X = load_digits().data
    gallery, queries = X[:1500], X[1500:]
    ae = AutoencoderTransformer(4, max_epochs=3, random_state=0).fit(gallery)
    names = {"ae": ae, "gallery": gallery, "queries": queries}
    exec(compile(code_block(), str(PAGE), "exec"), names)
    codes, found = names["codes"], names["found"]
    neighbors = NearestNeighbors(n_neighbors=10).fit(codes)
    expected = neighbors.kneighbors(ae.transform(queries.astype(np.float32)), return_distance=False)
    assert codes.dtype == np.float32
    # Neighbours at the same distance, to float32, may change places.
    assert (found == expected).mean() > 0.99
