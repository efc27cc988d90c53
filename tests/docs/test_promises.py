"""The tests that the page of promises names are there, and where it says that they run."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.rst"
if not PAGE.exists():
    pytest.skip("the documentation is no part of this installation", allow_module_level=True)
TEXT = PAGE.read_text(encoding="utf-8")
ALL, SOME, NONE = "", ", more in test-all", ", in test-all"
NAMED = re.findall(rf"^- ``(tests/[\w/]+\.py)::(\w+)``({ALL}|{SOME}|{NONE})$", TEXT, re.MULTILINE)


@cache
def functions(file):
    """Return how much of each test `make test` runs, by the marks that stand before it."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    marks = {
        node.targets[0].id: ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    return {
        node.name: quick_part(node, marks) for node in body if isinstance(node, ast.FunctionDef)
    }


def quick_part(function, marks):
    decorators = [marks.get(mark, mark) for mark in map(ast.unparse, function.decorator_list)]
    if "pytest.mark.slow" in decorators:
        return NONE
    return SOME if any(re.search(r"\bslow_but\(|\bmatrix\(|\.slow", d) for d in decorators) else ALL


@pytest.mark.parametrize(("file", "name", "said"), NAMED, ids=[name for _, name, _ in NAMED])
def test_the_test_is_there(file, name, said):
    assert functions(file)[name] == said


def test_every_promise_names_a_test():
    text = TEXT.split("What is not promised")[0]
    promises = re.split(r"^\*\*", text, flags=re.MULTILINE)[1:]
    assert len(promises) > 10
    for promise in promises:
        assert re.search(r"^- ``tests/", promise, re.MULTILINE), promise
    assert len(re.findall(r"^- ", text, re.MULTILINE)) == len(NAMED)
