# BandcampSync. `make` alone prints what there is.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
READY := .venv/.ready
KEY ?=

.PHONY: help setup run up down ps logs demo sync scrape reconcile retry verify fan-id status \
        test test-stack bench lint lock clean

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

$(READY): requirements.lock shared/pyproject.toml scripts/setup.sh scripts/install-browser.sh
	@sh scripts/setup.sh

setup: $(READY) ## make .venv with all that running and testing needs
	@:

demo: $(READY) ## see it work: albums arrive from a stand-in Bandcamp; no account, no Docker
	@$(PY) -m services.local demo

up: ## build and start the stack with Docker Compose, or as local processes where no engine answers
	@sh scripts/up.sh

run: $(READY) ## the four services as local processes, in the foreground
	@$(PY) -m services.local run

down: ## end the stack
	@sh scripts/stack.sh down

ps: ## how the services are
	@sh scripts/stack.sh ps

logs: ## follow the logs
	@sh scripts/stack.sh logs

sync: ## scrape, reconcile and work until the inbox is empty, once
	@sh scripts/stage.sh worker sync

scrape: ## list the purchases
	@sh scripts/stage.sh scraper scrape

reconcile: ## queue what is missing
	@sh scripts/stage.sh reconciler reconcile

retry: ## try again what failed, or only KEY=p500000003
	@sh scripts/stage.sh reconciler retry $(if $(KEY),$(KEY),--all)

verify: ## check every file of the library
	@sh scripts/stage.sh worker verify

fan-id: ## whose session the cookies are, and until when
	@sh scripts/stage.sh scraper fan-id

status: ## every purchase in one state, and what needs you
	@sh scripts/stage.sh reconciler status

test: $(READY) ## every test that needs no Docker
	@$(PY) -m pytest -n auto -m "not needs_docker"

test-stack: $(READY) ## the tests that need a Docker engine
	@if sh scripts/engine.sh; then $(PY) -m pytest -m needs_docker || [ $$? = 5 ]; \
	else echo "No Docker engine answers; these tests need one." >&2; exit 1; fi

bench: $(READY) ## what a delivery costs, against fetching an archive and unpacking it
	@$(PY) bench

lint: $(READY) ## ruff and mypy, as CI runs them
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

.env.example: shared/bandcamp_sync/settings.py $(READY)
	@$(PY) scripts/env_example.py > $@

lock: $(READY) ## resolve the dependencies anew into requirements.lock
	@sh scripts/lock.sh

clean: ## remove what tests and the demo left; never your data
	@rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find shared services tests -name __pycache__ -type d -prune -exec rm -rf {} +
