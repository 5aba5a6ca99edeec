# What a person types. Every target sets up .venv first; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1

.PHONY: help setup demo lidc-crops test test-pipeline test-slow acceptance check docs lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed ## create .venv from requirements.lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "lungml needs Python 3.11 or newer, found %d.%d; name another with: make PYTHON=python3.12 ..." % v[:2])'
	@echo "Setting up $(VENV) from requirements.lock: about 250 packages, 3 GB, a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the whole pipeline on the embedded cohort and print the table
	@lungml demo

RUN ?= runs/lidc-crops
lidc-crops: ## real nodules, from arrays to registered models: DATA=folder WEIGHTS=folder [RUN=folder]
	@test -d "$(DATA)" && test -d "$(WEIGHTS)" || { echo "make lidc-crops needs DATA=<folder with nodules_hu.npz and nodules.csv> and WEIGHTS=<folder with mobilenetv2_100_coral.safetensors>; docs/results.md says where they come from"; exit 2; }
	@$(MAKE) -s setup
	@lungml workspace "$(RUN)" --params configs/lidc-crops.yaml \
		--set acquire.folder="$(abspath $(DATA))" --set weights.folder="$(abspath $(WEIGHTS))"
	@cd "$(RUN)" && PYTHONPATH="$$PWD" lungml demo

test: setup ## the quick tests (under 15 minutes on 2 cores)
	@python -m pytest -m "not slow"

test-pipeline: setup ## the demo, servers, databases, killed trainings (in continuous integration)
	@python -m pytest -m "slow and not acceptance" tests/acceptance/test_demo.py tests/flows tests/pipeline \
		tests/test_data_page.py tests/tuning tests/commands/test_tune_worker.py tests/tracking \
		tests/training/test_killed.py tests/training/test_launching.py tests/training/test_processes.py \
		tests/stages/test_finetune_folds.py -k "not twenty_trainings"

test-slow: setup ## the long tests: the demo, servers, simulations
	@python -m pytest -m "slow and not acceptance"

acceptance: setup ## control cohorts and the Prefect flow against dvc repro: about half an hour
	@python -m pytest -m acceptance

check: setup ## ruff, mypy --strict, import rules, architecture
	@ruff check lungml flows tests
	@ruff format --check lungml flows tests
	@mypy
	@lint-imports --no-cache
	@python -m pytest -q tests/architecture

docs: setup ## rewrite the generated pages of docs/
	@lungml params > docs/params.md
	@lungml graph > docs/graph.md

lock: ## resolve requirements.in anew (needs uv)
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-package openvino-telemetry requirements.in -o requirements.lock

clean: ## remove the virtual environment and every output (not the DVC cache)
	@rm -rf $(VENV) data models reports mlruns/* .prefect
