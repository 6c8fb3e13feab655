# make run    sets up .venv and runs the pipeline on bundled real bars
# make test   sets up .venv and runs lint, types, the import contract and all tests
# make bench  sets up .venv and measures: speed, memory, search efficiency
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run test lint bench

run: .venv/.run-installed
	$(BIN)/lstm-hpo run --config configs/quickstart.yaml

test: .venv/.test-installed lint
	$(BIN)/python -m pytest

lint: .venv/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch first, and as pinned: another range would take a build with several GB of CUDA packages.
.venv/.run-installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lstm-hpo needs Python >= 3.11; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) "$$(grep '^torch==' constraints.txt)"
	$(INSTALL) -e .
	touch $@

.venv/.test-installed: .venv/.run-installed
	$(INSTALL) -e '.[dev]'
	touch $@

# Minutes of a quiet machine; writes benchmarks/results/*.json and docs/benchmarks.md.
bench: .venv/.bench-installed
	for name in study_speed night_speed overheads peer_speed universe search_efficiency \
		evaluation_speed volatility table; do \
		$(BIN)/python -m benchmarks.$$name || exit 1; \
	done

.venv/.bench-installed: .venv/.run-installed
	$(INSTALL) -e '.[bench]'
	touch $@
