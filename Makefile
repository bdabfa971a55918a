# Everything a developer types. Needs Python 3.13, make and git; the rest is installed into .venv and .local.
PYTHON ?= python3.13
PY := .venv/bin/python
ARGS ?=
# How many processes share the tests, each with servers of its own. Neighbours stay together: they share fixtures.
WORKERS ?= 2
SPREAD = -n $(WORKERS) --dist worksteal
# How many processes share the tests of the whole stack, each with a stack of its own. A file of these tests
# stays whole: what one of them puts back, the next may rely on.
STACKS ?= 1
SPREAD_STACK = $(if $(filter-out 1,$(STACKS)),-n $(STACKS) --dist loadfile)
# Byte code is kept whatever the surroundings say: each function is a process that would compile the library anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install up down status logs token env render web check test test-quick test-stack chaos bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: .venv/ready ## Make or update .venv and the local servers

# The stamp is newer than every file that says what to install: a warm run does nothing at all.
.venv/ready: requirements.txt requirements-cli.txt requirements-dev.txt deploy/local/requirements.txt deploy/local/constraints.txt pyproject.toml deploy/local/install.py deploy/local/virtual_environment.py deploy/local/parts.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || { \
	  echo "error: Python 3.13 was not found as '$(PYTHON)'; install it, or name it: make PYTHON=/path/to/python3.13" >&2; \
	  exit 1; }
	@$(PYTHON) -m deploy.local.install
	@touch $@

up: .venv/ready ## Start the local stack and wait until it serves
	@$(PY) -m deploy.local up

down: ## Stop the local stack
	@if [ -x $(PY) ]; then $(PY) -m deploy.local down; else echo "Nothing was running."; fi

status: .venv/ready ## Show every service of the local stack
	@$(PY) -m deploy.local status

logs: .venv/ready ## Follow the logs; ARGS="data nginx" names some
	@$(PY) -m deploy.local logs --follow $(ARGS)

token: .venv/ready ## Print a bearer token; ARGS=viewer@example.com says whose
	@$(PY) -m deploy.local token $(ARGS)

env: .venv/ready ## Print the exports one function runs with; ARGS=sql_run says which
	@$(PY) -m deploy.local env $(ARGS)

render: .venv/ready ## Write the files that follow from deploy/functions.yaml and the settings
	@$(PY) -m deploy.render
	@$(PY) -m deploy.settings_doc

web: .venv/ready ## Build the pages from TypeScript; needs Node 20.19 or later
	cd functions/viewer/web && npm ci --no-audit --no-fund && npm run build
	$(PY) -m deploy.web --record

check: .venv/ready ## Lint, types, import rules, rendered files
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PY) -m deploy.render --check
	$(PY) -m deploy.web --check
	$(PY) -m deploy.checks.page_imports
	$(PY) -m deploy.settings_doc --check
	bash deploy/ci/check_files.sh

test: .venv/ready ## Run the tests, on WORKERS=2 processes; ARGS="tests/deploy -k nginx" picks some
	$(PY) -m pytest $(SPREAD) -m "not stack and not chaos" $(ARGS)

test-quick: .venv/ready ## Run the tests that start no other program
	$(PY) -m pytest $(SPREAD) -m quick $(ARGS)

test-stack: .venv/ready ## Run the tests that need the whole stack behind nginx and Chromium; they start their own
	$(PY) -m pytest $(SPREAD_STACK) -m stack $(ARGS)

chaos: .venv/ready ## Break a whole stack for ten minutes and more, nightly; CHAOS_SECONDS=600 storms longer, CHAOS_SEED=N repeats
	$(PY) -m pytest -m chaos $(ARGS)

bench: .venv/ready ## Measure
	$(PY) -m bench $(ARGS)

clean: down ## Delete everything that was installed or made, saved dashboards of the local stack included
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
