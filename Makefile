# Two commands to know: `make demo` and `make test`. `make help` lists the others.
SHELL := /bin/bash
PYTHON ?= python3.11
export FRAUD_DATA_DIR ?= $(CURDIR)/data
export FRAUD_HOME ?= $(CURDIR)/var
export DAGSTER_HOME ?= $(FRAUD_HOME)/dagster
export DAGSTER_PORT ?= 8080
export FRAUD_CODE_HOST ?= 127.0.0.1
export FRAUD_CODE_PORT ?= 4266
# A tick of the sensor reads new files whole, to know them by their content.
export DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS ?= 600
# The boosting libraries' threads would otherwise spin while they wait, at the cost of all else.
export OMP_WAIT_POLICY ?= PASSIVE
# Set it to false to tell MLflow's makers what you use of it.
export MLFLOW_DISABLE_TELEMETRY ?= true
# MLflow opens no stored model: the platform opens its own, after it has verified the file.
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION ?= false
# Where it is set, each worker of each run would compile all tests anew: 5 s.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
PYTEST_ARGS ?=
# Two at a time; those of a module together, since they share what their fixtures make. The others
# are not even imported.
SIDE_BY_SIDE := -n 2 --dist loadfile --ignore=fraud_assets_tests/integration
# Four, since these often wait; in groups that share servers, the longest first.
SERVERS_SIDE_BY_SIDE := -n 4 --dist loadscope --no-loadscope-reorder -p fraud_assets_tests.integration.side_by_side
# The others are not read: that takes each process ten seconds.
INTEGRATION = fraud_assets_tests/integration $(shell grep -rl --include='test_*.py' --exclude-dir=integration 'mark.integration' fraud_assets_tests)

.DEFAULT_GOAL := help
.PHONY: help setup demo dev mlflow exporter preview test test-fast test-integration lint format bench peers lock ordeal faults load audit secrets backup-key backup restore pictures servers home clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.venv/runtime: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON to it"; exit 1; }
	@echo "Setting up: a virtual environment in .venv, from requirements.lock (a minute or two)."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	@echo "Setting up: the tools of the tests, from requirements-dev.lock."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

home:
	@mkdir -p "$(FRAUD_DATA_DIR)" "$(FRAUD_HOME)"
	@mkdir -p -m 700 "$(DAGSTER_HOME)"
	@case "$(DAGSTER_HOME)" in "$(FRAUD_HOME)"/*) chmod 700 "$(DAGSTER_HOME)";; esac
	@cp dagster.yaml "$(DAGSTER_HOME)/dagster.yaml"

setup: .venv/runtime home ## set up, run nothing

demo: .venv/runtime home ## take each CSV in data/ (or a simulated one) through the graph, print the verdict
	@$(BIN)/fraud-assets demo

dev: .venv/runtime home ## the Dagster UI on http://127.0.0.1:8080, with the sensor on
	@bash scripts/dev.sh

mlflow: .venv/runtime home ## the MLflow UI on http://127.0.0.1:5001
	@mkdir -p -m 700 "$(FRAUD_HOME)/mlflow"
	@umask 077; exec $(BIN)/mlflow ui --backend-store-uri "sqlite:///$(FRAUD_HOME)/mlflow/mlflow.db" -h 127.0.0.1 -p $${MLFLOW_PORT:-5001} --workers 1

preview: docs/preview/package-lock.json ## build what draws the dashboards for the docs' pictures, with npm
	@cd docs/preview && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

exporter: .venv/runtime home ## metrics of runs, checks, daemons and files for Prometheus, on port 9101
	@exec $(BIN)/fraud-assets exporter --port $${EXPORTER_PORT:-9101}

secrets: .venv/runtime ## passwords for docker-compose.yml, into .env, once
	@mkdir -p secrets certs keys data
	@mkdir -p -m 700 backups
	@touch alerts.env
	@$(BIN)/fraud-assets secrets .env

backup-key: ## the keys of backups, once: keys/backup.asc stays, restore.asc is to be moved elsewhere
	@mkdir -p keys
	@bash scripts/backup_key.sh keys/backup.asc restore.asc

backup: ## an encrypted copy of the full stack's databases, models and tables, into backups/
	@docker compose run --rm backup

restore: ## put BACKUP (the newest one) back into the full stack, and start it again
	@docker compose stop
	@docker compose run --rm restore
	@docker compose up --detach

servers: ## install what the integration tests start, from Debian packages, where that is allowed
	@bash scripts/install_servers.sh

test: .venv/dev servers ## all tests, the fast ones first
	@$(BIN)/python -m pytest -m "not integration" $(SIDE_BY_SIDE) $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -m integration $(SERVERS_SIDE_BY_SIDE) $(PYTEST_ARGS) $(INTEGRATION)

test-fast: .venv/dev ## the tests that start no server, under a minute
	@$(BIN)/python -m pytest -m "not integration" $(SIDE_BY_SIDE) $(PYTEST_ARGS)

test-integration: .venv/dev servers ## the tests that start real servers
	@$(BIN)/python -m pytest -m integration $(SERVERS_SIDE_BY_SIDE) $(PYTEST_ARGS) $(INTEGRATION)

lint: .venv/dev ## ruff, mypy, import-linter
	@$(BIN)/mypy & mypy=$$!; \
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports && wait $$mypy

format: .venv/dev ## let ruff format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/dev ## benchmarks; DATA=../shared/data for those on real data, ONLY=name, JSON=path
	@$(BIN)/python -m benchmarks $(if $(DATA),--data $(DATA)) $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

peers: benchmarks/peers.lock ## Evidently and NannyML, which `make bench ONLY=drift` measures against, in .venv-peers
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.lock

ordeal: .venv/dev ## kill processes while files land, SEEDS times (20), and print what came of it
	@$(BIN)/python -m fraud_assets_tests.integration.ordeal --seeds $${SEEDS:-20} --files $${FILES:-20}

faults: .venv/dev servers ## break the full stack in every way, PostgreSQL ten times, and print what came of it
	@FRAUD_LONG=1 $(BIN)/python -m pytest -s fraud_assets_tests/integration/test_faults.py $(PYTEST_ARGS)

load: .venv/dev servers ## BATCHES (200) in a row through the full stack; prints growth and memory
	@$(BIN)/python -m fraud_assets_tests.integration.load --batches $${BATCHES:-200}

audit: .venv/dev ## known vulnerabilities of what is pinned and deployed
	@$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements.lock

pictures: .venv/dev servers preview ## take the pictures of the docs from the running UI
	@FRAUD_PICTURES=docs/pictures $(BIN)/python -m pytest -m integration -k "browser or alerting" $(PYTEST_ARGS)

lock: .venv/dev ## pin what is new in pyproject.toml; UPGRADE=1 takes the newest of everything
	@$(BIN)/uv pip compile pyproject.toml --extra production --extra build --extra local --extra s3 -o requirements.lock $(LOCK_FLAGS)
	@$(BIN)/uv pip compile pyproject.toml --extra production --extra build --extra local --extra s3 --extra dev -c requirements.lock -o requirements-dev.lock $(LOCK_FLAGS)
	@$(BIN)/uv pip compile benchmarks/peers.in -o benchmarks/peers.lock $(LOCK_FLAGS)
LOCK_FLAGS := $(if $(UPGRADE),--upgrade) --quiet --python-version 3.11 --no-strip-extras --no-emit-index-url --no-header --no-annotate --generate-hashes

clean: ## remove the virtual environment and what the platform wrote
	@rm -rf .venv "$(FRAUD_HOME)"
