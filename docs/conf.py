"""Configuration of the documentation. ``make docs`` builds it, without network access.

Set ``SKAE_DOCS_INTERSPHINX=1`` to fetch the inventories of numpy, scikit-learn and torch and link
their names.
"""

import os
import re
import tomllib
from pathlib import Path

# sphinx-gallery looks up the names that an example uses, also where it does not run it.
from sklearn.experimental import (  # noqa: F401
    enable_halving_search_cv,
    enable_iterative_imputer,
)

import skae

ROOT = Path(__file__).resolve().parent.parent

project = "skae"
author = "The skae developers"
project_copyright = "2026, The skae developers"
version = release = skae.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]

if os.environ.get("SKAE_DOCS_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "benchmarks/*", "auto_examples/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = None

# -- API ------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"
# The class template lists the members; numpydoc must not list them again.
numpydoc_show_class_members = False

_validation = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["numpydoc_validation"]
numpydoc_validation_checks = set(_validation["checks"])
numpydoc_validation_exclude = set(_validation["exclude"])

# -- Gallery --------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "copyfile_regex": r".*\.(npz|csv)",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
}

# -- HTML -----------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skae"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navigation_depth": 2,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_sidebars = {"install": [], "benchmarks": [], "changelog": [], "how_it_is_built": []}

_SKLEARN_ROLE = re.compile(r":(?:ref|term|class|func|meth):`~?\.?([^`<]+?)(?:\s*<[^`>]*>)?`")


def _unlink_sklearn(app, what, name, obj, options, lines):
    """Turn links inside docstrings that scikit-learn wrote into plain text.

    Inherited methods such as ``set_output`` point at labels of scikit-learn's own pages.
    """
    if (getattr(obj, "__module__", None) or "").startswith("sklearn."):
        lines[:] = _SKLEARN_ROLE.sub(r"\1", "\n".join(lines)).split("\n")


def setup(app):
    """Register the hook above ahead of numpydoc's."""
    app.connect("autodoc-process-docstring", _unlink_sklearn, priority=100)
