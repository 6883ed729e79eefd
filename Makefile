# gridkeeper: every task of a developer. `make help` explains itself.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
RUN_STAMP := .venv/.run-ready
DEV_STAMP := .venv/.dev-ready
LINT_ENV := GRIDKEEPER_DATA_DIR=$(CURDIR)/.venv/lint-data DJANGO_SETTINGS_MODULE=gridkeeper.settings

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-postgres fuzz lint fmt bench docs vendor screenshots lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(RUN_STAMP): requirements/run.lock requirements/uv.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(PYTHON) run

$(DEV_STAMP): requirements/dev.lock requirements/uv.lock pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(PYTHON) dev

setup: $(DEV_STAMP) ## Make .venv with gridkeeper and the developers' tools (quick the second time)

demo: $(RUN_STAMP) ## Set up and run a whole federation on this machine (ARGS="--sites 20 --for 300")
	@exec $(BIN)/gridkeeper demo $(ARGS)

run: $(RUN_STAMP) ## Set up and serve for real, in ./gridkeeper-data
	@exec $(BIN)/gridkeeper serve $(ARGS)

test: $(DEV_STAMP) ## Set up and pass the tests (ARGS="tests/core -x")
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(BIN)/pytest -n 2 --dist loadgroup -m "not alone"
	@$(BIN)/pytest tests/e2e tests/probes/test_plugins.py -m alone
endif

fuzz: $(DEV_STAMP) ## The property tests on new random input, more of it (ARGS="tests/people")
	@GRIDKEEPER_FUZZ=1 $(BIN)/pytest -n 2 -m hypothesis --timeout 1800 $(ARGS)

test-postgres: $(DEV_STAMP) ## The same tests of all that is kept in the database, on a PostgreSQL of their own
	@$(BIN)/python -m tests.on_postgres $(ARGS)

lint: $(DEV_STAMP) ## Format check, lint, types, layers, deployment check, migrations, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(LINT_ENV) $(BIN)/mypy
	$(LINT_ENV) GRIDKEEPER_BEHIND_TLS=1 $(BIN)/python -m django check --deploy --fail-level WARNING
	$(LINT_ENV) $(BIN)/python -m django makemigrations --check --dry-run
	$(BIN)/python tools/sizes.py src/gridkeeper

fmt: $(DEV_STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) ## Measure the hot paths, each against its reference (ARGS="--quick")
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV_STAMP) ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

screenshots: $(DEV_STAMP) ## Take the pictures of docs/screenshots from a demo (needs Chromium)
	$(BIN)/python tools/screenshots.py $(ARGS)

vendor: ## Build the vendored front-end files again (needs Node)
	sh tools/vendor/build.sh

lock: ## Pin the dependencies again (needs uv)
	sh tools/lock.sh

clean: ## Remove what the other targets made, except data folders
	rm -rf .venv site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
