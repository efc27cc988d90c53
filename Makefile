PYTHON ?= python3
PYTHON_OLDEST ?= python3.11
DATA ?=

BIN := .venv/bin
PY := $(BIN)/python
PIP_INSTALL := -m pip install --disable-pip-version-check

.DEFAULT_GOAL := help

# No window outside the demo.
test test-all doctest docs benchmark test-oldest: export MPLBACKEND = Agg

.PHONY: help env demo test test-all doctest lint format docs benchmark test-oldest clean

help:
	@echo "make demo [DATA=file.csv]  an autoencoder beside PCA, on digits or on your table"
	@echo "make test                  the tests, in about ten minutes on two cores"
	@echo "make test-all              these and the slow ones: every kind with every architecture"
	@echo "make doctest               the examples in docstrings and in the docs"
	@echo "make lint                  ruff, codespell and mypy; 'make format' repairs what it can"
	@echo "make docs                  the documentation, in docs/_build/html"
	@echo "make benchmark             the benchmarks"
	@echo "make test-oldest           the tests with the oldest supported versions"
	@echo "make clean                 remove the environments and everything built"

env: .venv/.installed

# $(1): interpreter, $(2): environment
define make_venv
@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "skae needs Python 3.11 or newer, try: make PYTHON=/path/to/python"; exit 1; }
@test -x $(2)/bin/python || $(1) -m venv $(2) || { rm -rf $(2); exit 1; }
endef

.venv/.installed: pyproject.toml constraints.txt
	$(call make_venv,$(PYTHON),.venv)
	$(PY) $(PIP_INSTALL) -c constraints.txt -e '.[test,plots,progress]'
	@touch $@

.venv/.installed-docs: .venv/.installed
	$(PY) $(PIP_INSTALL) -c constraints.txt -e '.[docs]'
	@touch $@

.venv/.installed-benchmarks: .venv/.installed
	$(PY) $(PIP_INSTALL) -c constraints.txt -e '.[benchmarks]'
	@touch $@

demo: .venv/.installed
	$(PY) examples/plot_autoencoder_beside_pca.py $(if $(DATA),"$(DATA)")

# Covers every line that test-all covers.
test: .venv/.installed
	$(PY) -m pytest -n 2 -m 'not slow'

test-all: .venv/.installed
	$(PY) -m pytest -n 2

doctest: .venv/.installed
	$(PY) -m pytest --doctest-modules skae
	$(PY) -m pytest --doctest-glob='*.rst' docs/*.rst docs/user_guide

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(PY) -m mypy

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.installed-docs
	$(PY) -m sphinx -W --keep-going -b html docs docs/_build/html

benchmark: .venv/.installed-benchmarks
	$(PY) benchmarks/reconstruction.py

.venv-oldest/.installed: pyproject.toml constraints-oldest.txt
	$(call make_venv,$(PYTHON_OLDEST),.venv-oldest)
	.venv-oldest/bin/python $(PIP_INSTALL) -c constraints-oldest.txt -e '.[test,plots,progress]'
	@touch $@

# Warnings stay warnings here: old releases warn about things that newer ones settled.
test-oldest: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest -n 2 -W default

clean:
	rm -rf .venv .venv-oldest build dist htmlcov .coverage .coverage.*
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -rf docs/_build docs/auto_examples docs/generated docs/sg_execution_times.rst
	find skae tests examples benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
