"""Left may import right, never back: estimators -> base -> training -> modules."""

import ast
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# From left to right. What stands outside the layers uses the public methods of estimators only.
LEVELS = {
    "skae": 0,
    "plotting": 0,
    "datasets": 0,
    "compression": 0,
    "persistence": 0,
    "export": 0,
    "estimators": 1,
    "base": 2,
    "scores": 3,
    "training": 3,
    "kinds": 4,
    "architectures": 4,
    "losses": 4,
    "corruptions": 4,
    "named_parts": 4,
    "storage": 4,
    "naming": 4,
    "checks": 4,
}
MODULES = {name for name, level in LEVELS.items() if level == 4}
PRIVATE = "_sklearn_private"


def package(module):
    """Return the part of skae that a dotted name belongs to."""
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


def imported_parts(path):
    """Yield the parts of skae that a file imports from."""
    for module, name in imports(path):
        if module == "skae" and name is not None and (ROOT / name).is_dir():
            yield name
        elif module.split(".")[0] == "skae":
            yield package(module)


def is_private(module, name):
    names = [*module.split("."), *([name] if name else [])]
    return names[0] == "sklearn" and any(n.startswith("_") and n != "__version__" for n in names)


def over(files):
    return pytest.mark.parametrize("path", files, ids=[module_name(path) for path in files])


each_file = over(FILES)
each_file_of_a_module = over([path for path in FILES if package(module_name(path)) in MODULES])


@each_file
def test_file_belongs_to_a_layer(path):
    part = package(module_name(path))
    assert part in LEVELS or part == PRIVATE, f"say in LEVELS where {part} stands"


@each_file
def test_no_import_from_a_layer_to_the_left(path):
    own = package(module_name(path))
    for part in imported_parts(path):
        if part == PRIVATE or own == PRIVATE:
            assert own in ("skae", "estimators", "base"), f"{own} imports {part}"
        else:
            assert LEVELS[part] >= LEVELS[own], f"{own} imports {part}"


@each_file_of_a_module
def test_modules_know_neither_skorch_nor_estimators(path):
    for module, _ in imports(path):
        assert module.split(".")[0] != "skorch"
        assert module.split(".")[0] != "sklearn" or module == "sklearn.base", module


@each_file
def test_private_names_of_scikit_learn_are_in_one_place(path):
    private = [found for found in imports(path) if is_private(*found)]
    if package(module_name(path)) == PRIVATE:
        assert private, "nothing private is left: the file can go"
    else:
        assert not private


def test_the_rules_can_be_broken(tmp_path):
    """What the rules look at is found in every form of an import statement."""
    path = ROOT / "kinds" / "example.py"
    source = tmp_path / "example.py"
    source.write_text(
        "import skorch.callbacks\n"
        "from skae import base\n"
        "def f():\n    from ..training.rows import Rows\n"
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
        ("skae", "base"),
        ("skae.training.rows", "Rows"),
        ("skae.kinds", "kind"),
        ("sklearn.base", "_fit_context"),
        ("sklearn.utils._param_validation", None),
    }
    assert set(imported_parts(Path)) == {"base", "training", "kinds"}
    assert is_private("sklearn.base", "_fit_context")
    assert is_private("sklearn.utils._param_validation", None)
    assert not is_private("sklearn.base", "clone")
