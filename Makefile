# Everything for a fresh machine: `make demo` shows it, `make test` proves it.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml sdk/*/pyproject.toml))
ALL := $(VENV)/.installed
DEMO := $(VENV)/.demo

.PHONY: install page demo test lint collected format changes constraints dist clean up key logs down

install: $(ALL)

# Where everything is installed, the demo runs there; else it installs no more than it runs.
demo: $(if $(wildcard $(ALL)),$(ALL),$(DEMO))
	$(BIN)/bond run examples/btc-pulse.yaml --sim --duration 20s

# One pip call, so that the packages in this folder satisfy each other. tests/packages.py finds them.
# What builds them is installed once before: an environment for each of them takes a minute. Modules
# are compiled when they are first imported: most of ccxt's never are.
$(ALL): GROUPS := --group lint --group test
$(DEMO): WHICH := demo
$(ALL) $(DEMO): pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES)) constraints.txt tests/packages.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bond needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(GROUPS),$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1')
	$(BIN)/python -m tests.packages $(WHICH) >$(VENV)/packages.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-compile hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --no-compile $(GROUPS) --requirement $(VENV)/packages.txt
	touch $@

# What `/` of the control plane shows; `make install` builds it too, where Node is.
page: install
	$(BIN)/python -c 'from tests import javascript; print(javascript.page())'

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Files beside each other: a file's tests share what is set up for them. Two more than there are
# processors, since many tests wait. They start hundreds of programs, which need not be compiled
# each time, whatever the shell says otherwise. Properties are tried with the same examples each time,
# so that a change is judged by itself; pytest alone takes new ones. What this machine leaves out is
# said at the end.
test: export PYTHONDONTWRITEBYTECODE =
test: install
	@$(MAKE) --no-print-directory --jobs=2 lint collected
	$(BIN)/python -m pytest --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2) --dist loadfile --no-loadscope-reorder --hypothesis-seed=0 -r s
	@# Each folder there is a package.
	@rm -rf plugins/__pycache__

# Compiles all tests, once: those who run them would do it each, and lint leaves a processor idle.
# A test that cannot be collected is said by those who run it.
collected: install
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || true

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What has changed since the last release; docs/releasing.md says how it enters CHANGELOG.md.
changes: install
	@$(BIN)/towncrier build --draft --version next

# The newest versions that fit each other, for every Python that Bond supports; run the tests afterwards.
constraints: install
	$(BIN)/python -m tests.constraints

dist: install
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . $(addprefix ./,$(PACKAGES))
	ls dist

# Containers: docs/configuration.md says what is in them.
COMPOSE := docker compose -f infra/docker-compose.yml

up:
	$(COMPOSE) up --build --detach --wait
	@echo 'control plane http://127.0.0.1:8000, broker ws://127.0.0.1:8080; make key shows the API key'

key:
	@$(COMPOSE) exec -T api cat /secrets/api-key && echo

logs:
	$(COMPOSE) logs --follow

down:
	$(COMPOSE) down

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
