# Every command a person needs; `make help` lists them. What a target does stands in .ci/, so that CI does the same.
SHELL := /bin/bash
PY := .venv/bin/python
.DEFAULT_GOAL := help

.PHONY: help run test lint format mutants bench crash soak realhomes servers assets lock clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

.venv/.stamp: requirements.lock pyproject.toml
	@.ci/setup run

.venv/.stamp-dev: requirements.lock tests/requirements.lock pyproject.toml
	@.ci/setup dev

run: .venv/.stamp ## set everything up and start the demo ward on this machine
	@$(PY) api/assets/build.py
	@exec .venv/bin/vardevakt demo $(ARGS)

test: .venv/.stamp-dev ## all checks and tests; ends with what was skipped and how to get what it needs
	@$(PY) api/assets/build.py --tests
	@$(PY) .ci/test.py $(ARGS)

lint: .venv/.stamp-dev ## ruff, mypy strict, import layers
	@.ci/lint

format: .venv/.stamp-dev ## rewrite the code in the house format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

mutants: .venv/.stamp-dev ## every number of the rule book moved by a step: does a rule test notice?
	@$(PY) -m tests.mutants $(ARGS)

bench: .venv/.stamp-dev ## the figures of README, as ratios within this run
	@$(PY) api/assets/build.py
	@$(PY) -m tests.bench $(ARGS)

crash: .venv/.stamp-dev ## kill -9 under load, 200 rounds
	@$(PY) -m tests.crash $(ARGS)

soak: .venv/.stamp-dev ## bad days of many machines in a row, 2 000 events/s (ARGS="--minutes 60 --rate 2000")
	@$(PY) -m tests.soak $(ARGS)

realhomes: .venv/.stamp-dev ## recordings of real homes (../shared) through the rules, judged with their labels
	@$(PY) -m tests.realhomes $(ARGS)

servers: ## install or build the real servers that the tests use (needs root; some ten minutes the first time)
	@.ci/servers

assets: .venv/.stamp ## build the board's JavaScript and CSS from npm's lock file
	@$(PY) api/assets/build.py

# Versions, hashes and no addresses: the locks work with any mirror. The second lock includes the first.
UV = .tools/uv/bin/uv
UV_COMPILE = $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url
lock: ## renew the lock files from pyproject.toml and package.json
	@test -x $(UV) || { python3 -m venv .tools/uv && .tools/uv/bin/pip install --quiet -r .ci/requirements.lock; }
	@$(UV_COMPILE) pyproject.toml -o requirements.lock
	@$(UV_COMPILE) --extra dev -c requirements.lock pyproject.toml -o tests/requirements.lock
	@sed -n 's/^assets = \["\(.*\)"\]/\1/p' pyproject.toml | $(UV_COMPILE) - -o api/assets/requirements.lock
	@sed -n 's/^setup = \["\(.*\)"\]/\1/p' pyproject.toml | $(UV_COMPILE) - -o .ci/requirements.lock
	@printf 'hatchling~=1.27\n' | $(UV_COMPILE) - -o deploy/requirements.lock
	@printf 'kubernetes-validate~=1.37\ndocker-compose-py~=5.6\nhadolint-bin~=2.15\n' | $(UV_COMPILE) - -o deploy/checks.lock
	@cd api/assets && npm install --package-lock-only --ignore-scripts --loglevel=error

clean: ## remove what was built, but no data
	rm -rf .venv .tools .servers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build test-results
	rm -rf api/static/vendor api/assets/node_modules tests/browser/vendor
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
