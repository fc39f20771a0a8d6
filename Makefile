# I-Track. `make help` lists what there is to make.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test test-fast test-services chaos fuzz lint format bench bench-producer bench-bridge bench-trajectories soak lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.ready ## Make the environment in .venv (first time: a few minutes)

demo: .venv/.ready ## Start everything, replay walks, show the live map; Ctrl-C stops it all
	@exec $(BIN)/itrack demo

test: .venv/.ready-dev ## Run every test against the real components: both halves below at once
	+@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-fast test-services

test-fast: .venv/.ready-dev ## Run the tests that need no services
	$(BIN)/pytest -q -m "not services and not spark and not browser"

test-services: .venv/.ready-dev ## Run the tests that need services, Spark or a browser
	$(BIN)/pytest -m "services or spark or browser"

CHAOS_ROUNDS ?= 200
chaos: .venv/.ready-dev ## Bring about every fault, then CHAOS_ROUNDS (200) of them at random, and compare what is left
	CHAOS_ROUNDS=$(CHAOS_ROUNDS) $(BIN)/pytest -s tests/chaos

FUZZ_POSITIONS ?= 100000
fuzz: .venv/.ready-dev ## Send hostile positions (FUZZ_POSITIONS=100000) into MongoDB and account for each of them
	FUZZ_POSITIONS=$(FUZZ_POSITIONS) $(BIN)/pytest tests/traccar_bridge/test_fuzz.py

lint: .venv/.ready-dev ## Check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.ready-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready-dev ## Print the benchmarks' figures
	$(BIN)/python -m benchmarks

bench-producer: .venv/.ready-dev ## Print only the producer's, beside the MongoDB Kafka connector
	$(BIN)/python -m benchmarks producer

bench-bridge: .venv/.ready-dev ## Print only the bridge's
	$(BIN)/python -m benchmarks bridge

bench-trajectories: .venv/.ready-dev ## Print only stop finding's, beside other libraries
	$(BIN)/python -m benchmarks trajectories

SOAK_MINUTES ?= 60
soak: .venv/.ready-dev ## Run bridge and producer at 500 fixes/s (SOAK_MINUTES=60) and print their memory and a verdict
	SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/python -m benchmarks soak

lock: .venv/.ready-dev ## Resolve all dependencies anew and write the locks
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet --no-header --upgrade -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --quiet --no-header --upgrade -c requirements.txt -o requirements-dev.txt
	$(BIN)/python -m infra.jars

clean: ## Remove the environment and all data of the local stack
	rm -rf .venv .itrack

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "I-Track needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  echo "Python's venv module is missing. Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/.ready: .venv/.python requirements.txt pyproject.toml
	@echo "Installing Python packages into .venv (the first time this takes a few minutes, most of it Spark) …"
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps --editable .
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.txt
	@touch $@
