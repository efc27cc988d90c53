"""What ``import skae`` imports, and what it leaves for later."""

import subprocess
import sys

import pytest

import skae

PACKAGES = ["architectures", "corruptions", "kinds", "losses", "scores"]
LAZY_PACKAGES = ["compression", "datasets", "export", "plotting"]


def run(code):
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_skae_imports_nothing_that_only_some_need():
    modules = run("import sys, skae; print(*sys.modules)")
    unwanted = {"matplotlib", "onnx", "constriction", *(f"skae.{name}" for name in LAZY_PACKAGES)}
    assert unwanted.isdisjoint(modules)


def test_torch_is_imported_before_pandas_and_scikit_learn():
    modules = run("import sys, skae; print(*sys.modules)")
    assert modules.index("torch") < min(modules.index("pandas"), modules.index("sklearn"))


def test_every_package_is_an_attribute_without_an_import_of_its_own():
    names = [*PACKAGES, *LAZY_PACKAGES]
    found = run(f"import skae; print(*(getattr(skae, name).__name__ for name in {names}))")
    assert found == [f"skae.{name}" for name in names]
    assert run("import skae; print(skae.export.to_onnx.__name__)") == ["to_onnx"]


def test_packages_are_listed_before_they_are_imported():
    assert {*PACKAGES, *LAZY_PACKAGES, *skae.__all__} <= {*run("import skae; print(*dir(skae))")}


def test_an_unknown_attribute():
    with pytest.raises(AttributeError, match="module 'skae' has no attribute 'exports'"):
        skae.exports  # noqa: B018
