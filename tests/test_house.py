"""The house: what each room may import."""

import ast
import re
from pathlib import Path

import skae

ROOT = Path(skae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# A room imports from the rooms below it in this list, never from those above.
LAYERS = [
    "estimators",
    "_detection",
    "_calibration",
    "_classification",
    "_recommendation",
    "_imputation",
    "scores",
    "_generation",
    "_fitting",
    "_checkpoints",
    "_replicas",
    "_training",
    "_start",
    "_network",
    "_missing",
    "_tables",
    "_data",
    "_runtime",
    "kinds",
    "architectures",
    "losses",
    "corruptions",
    "columns",
    "_storage",
    "_utils",
]
PARTS = {"kinds", "architectures", "losses", "corruptions", "columns"}
# Rooms on top use the public methods of estimators, and of skae's modules only these.
ON_TOP = {
    "datasets": set(),
    "metrics": {"_utils"},
    "compression": {"_data", "_utils"},
    "plotting": {"compression", "metrics", "_data", "_utils"},
    "model_selection": {"estimators", "metrics", "_fitting", "_data", "_utils"},
    "series": {"estimators", "metrics", "_data", "_utils"},
    "distributed": {"_runtime", "_data", "_utils"},
    "export": {
        "skae",
        "_classification",
        "_calibration",
        "_detection",
        "_network",
        "_data",
        "_runtime",
        "_storage",
        "_utils",
    },
    # Files hold what fits leave, whichever room it is of.
    "_persistence": {*LAYERS},
}
# Upward edges that are no accident: a method that calls what stands above its class.
UPWARD = {
    ("skae.estimators._saving", "skae._persistence.save"),
}
PRIVATE = "skae._utils.sklearn_private"
TESTS = Path(__file__).parent
# Tests that no single file answers for, and why.
COMMON_PROPERTIES = {
    "_data/larger_than_memory": "the memory of a whole fit is measured",
    "estimators/callbacks": "every callback of skorch, in every estimator",
    "estimators/common": "every estimator, with every kind and architecture",
    "estimators/composition": "pipelines, searches and columns of scikit-learn",
    "estimators/concurrency": "every estimator in threads and processes",
    "estimators/forks": "every estimator in forked processes",
    "estimators/tables": "tables with columns of every sort, in every estimator",
    "estimators/history": "the terms of the loss of every kind, in every estimator",
    "estimators/input": "every form of X, by every method",
    "estimators/interruption": "Ctrl-C in every part of a fit",
    "estimators/new_parts": "parts that are registered at run time, in every estimator",
    "estimators/odd_arguments": "what displays and the compression answer to odd arguments",
    "estimators/parameters": "every parameter of every estimator and part",
    "estimators/pickle": "every estimator by pickle, joblib, skops and skae's own files",
    "estimators/reproducibility": "seeds, in every estimator",
}


def room_of(module):
    """Return the room of skae that a dotted name belongs to, "skae" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Yield (module, name) of every import statement; name is None in ``import module``."""
    own = module_name(path).split(".")
    parent = own if path.name == "__init__.py" else own[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def imported_modules(path):
    """Yield the modules of skae that a file imports from."""
    for module, name in imports(path):
        if module == "skae" and name is not None and (ROOT / name).is_dir():
            yield f"skae.{name}"
        elif module.split(".")[0] == "skae":
            yield module


def may_import(own, other):
    """Return whether a room may import from another one."""
    if own in ("skae", other):
        return own != "skae" or other in {"estimators", "_persistence", "_storage"}
    if own in ON_TOP:
        return other in ON_TOP[own]
    return other in LAYERS and LAYERS.index(own) < LAYERS.index(other)


def is_private(module, name):
    names = [*module.split("."), *([name] if name else [])]
    return names[0] == "sklearn" and any(n.startswith("_") and n != "__version__" for n in names)


def test_every_room_has_its_place():
    rooms = {room_of(module_name(path)) for path in FILES} - {"skae"}
    assert rooms <= {*LAYERS, *ON_TOP}, "say in LAYERS or ON_TOP where a new room stands"


def test_imports_go_down_only():
    found = {
        (module_name(path), module)
        for path in FILES
        for module in imported_modules(path)
        if not may_import(room_of(module_name(path)), room_of(module))
    }
    assert found == UPWARD


def test_parts_know_neither_skorch_nor_estimators():
    for path in FILES:
        if room_of(module_name(path)) in PARTS:
            for module, _ in imports(path):
                assert module.split(".")[0] != "skorch", path
                assert module.split(".")[0] != "sklearn" or module == "sklearn.base", path


def test_private_names_of_scikit_learn_are_in_one_place():
    private = {module_name(path) for path in FILES if any(is_private(*i) for i in imports(path))}
    assert private == {PRIVATE}


def test_the_picture_shows_the_rooms():
    picture = ROOT.parent / "docs" / "_static" / "house.svg"
    shown = re.findall(r'class="room"[^>]*>(\w+)<', picture.read_text(encoding="utf-8"))
    assert [room for room in shown if room in LAYERS] == LAYERS
    assert {*shown} == {*LAYERS, *ON_TOP}


def test_folders_hold_about_a_dozen_files():
    folders = [folder for folder in ROOT.rglob("*") if folder.is_dir()]
    for folder in [ROOT, *folders]:
        assert len([f for f in folder.glob("*.py") if f.name != "__init__.py"]) <= 15, folder


def test_tests_stand_where_the_code_does():
    """A test of ``skae/kinds/sparse.py`` is ``tests/kinds/test_sparse.py``."""
    rooms = {folder.name for folder in TESTS.iterdir() if any(folder.glob("test_*.py"))}
    assert rooms <= {*LAYERS, *ON_TOP, "docs"}


def test_tests_are_named_after_the_files_they_test():
    without_a_file = set()
    for path in TESTS.glob("*/test_*.py"):
        room, tested = path.parent.name, path.stem.removeprefix("test_")
        files = [ROOT / room / f"{tested}.py", ROOT / room / f"_{tested}.py"]
        if room != "docs" and not any(file.exists() for file in files):
            without_a_file.add(f"{room}/{tested}")
    assert without_a_file == {*COMMON_PROPERTIES}


def test_the_rules_can_be_broken(tmp_path):
    """What the rules look at is found in every form of an import statement."""
    path = ROOT / "kinds" / "example.py"
    source = tmp_path / "example.py"
    source.write_text(
        "import skorch.callbacks\n"
        "from skae import _network\n"
        "def f():\n    from .._data.rows import Rows\n"
        "from . import kind\n"
        "from sklearn.base import _fit_context\n"
        "import sklearn.utils._param_validation\n"
    )

    class Path:
        name = path.name
        relative_to = staticmethod(path.relative_to)
        read_text = staticmethod(source.read_text)

    assert set(imports(Path)) == {
        ("skorch.callbacks", None),
        ("skae", "_network"),
        ("skae._data.rows", "Rows"),
        ("skae.kinds", "kind"),
        ("sklearn.base", "_fit_context"),
        ("sklearn.utils._param_validation", None),
    }
    assert set(imported_modules(Path)) == {"skae._network", "skae._data.rows", "skae.kinds"}
    assert is_private("sklearn.base", "_fit_context")
    assert is_private("sklearn.utils._param_validation", None)
    assert not is_private("sklearn.base", "clone")
    assert not may_import("kinds", "_network")
    assert not may_import("_fitting", "estimators")
    assert not may_import("plotting", "_network")
    assert may_import("estimators", "kinds")
