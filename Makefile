# make run    sets up .venv and runs the pipeline on bundled real bars
# make check  sets up .venv and runs lint, types, the import contracts and what starts no process
# make test   sets up .venv and runs lint, types, the import contract and all but the slow tests
# make docs   sets up .venv and writes docs/configuration.md from lstm_model/config
# make bench  sets up .venv and measures: speed, memory, search efficiency
PYTHON ?= python3
BIN := .venv/bin
TORCH := $(shell grep '^torch==' constraints.txt)

# uv if it is installed and resolves the pins without CUDA packages, which are several GB; else pip.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
UV := uv pip install --quiet --python $(BIN)/python -c constraints.txt
UV_PLAN := uv pip compile --quiet --no-annotate --python $(BIN)/python -c constraints.txt pyproject.toml
UV_FITS = command -v uv >/dev/null && plan=$$($(UV_PLAN) 2>/dev/null) && ! echo "$$plan" | grep -q '^nvidia-'
INSTALL = $(if $(shell $(UV_FITS) && echo yes),$(UV),$(PIP))

# Two processes of one thread each; tests/conftest.py deals out the tests.
PYTEST := $(BIN)/python -m pytest -n 2

.PHONY: run check test lint docs bench

run: .venv/.run-installed
	$(BIN)/lstm-hpo run --config configs/quickstart.yaml

check: .venv/.test-installed lint
	$(PYTEST) -m "not process and not e2e and not ui and not acceptance and not slow"

test: .venv/.test-installed lint
	$(PYTEST) -m "not slow"

lint: .venv/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lstm-hpo needs Python >= 3.11; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

# The pinned torch first, because any other build brings several GB of CUDA packages.
.venv/.run-installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) "$(TORCH)"
	$(INSTALL) -e .
	touch $@

.venv/.test-installed: .venv/.run-installed
	$(INSTALL) -e '.[dev]'
	touch $@

docs: .venv/.run-installed
	$(BIN)/python -m lstm_model.config.reference > .venv/configuration.md
	mv .venv/configuration.md docs/configuration.md

# Takes minutes on a quiet machine; writes benchmarks/results/*.json and docs/benchmarks.md.
bench: .venv/.bench-installed
	for name in study_speed night_speed overheads peer_speed universe search_efficiency \
		store_speed time_to_loss evaluation_speed volatility coverage error_rates reference_race gate_error_rates \
		decay_run_lengths table; do \
		$(BIN)/python -m benchmarks.$$name || exit 1; \
	done

.venv/.bench-installed: .venv/.run-installed
	$(INSTALL) -e '.[bench]'
	touch $@
