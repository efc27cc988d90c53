"""The tests that the page of promises names are there."""

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
NAMED = re.findall(r"^- ``(tests/[\w/]+\.py)::(\w+)``$", TEXT, re.MULTILINE)


@cache
def functions(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_the_test_is_there(file, name):
    assert name in functions(file)


def test_every_promise_names_a_test():
    text = TEXT.split("What is not promised")[0]
    promises = re.split(r"^\*\*", text, flags=re.MULTILINE)[1:]
    assert len(promises) > 10
    for promise in promises:
        assert re.search(r"^- ``tests/", promise, re.MULTILINE), promise
    assert len(re.findall(r"^- ", text, re.MULTILINE)) == len(NAMED)
