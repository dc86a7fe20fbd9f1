# BandcampSync. `make` alone prints what there is.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
READY := .venv/.ready
KEY ?=
ROWS ?=

.PHONY: help setup run up down ps logs demo demo-stack sync scrape reconcile retry verify pause resume fan-id status \
        backup restore shell update test test-stack soak faults crash-points storm bench screenshots measure lint lock clean

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(READY): requirements.lock shared/pyproject.toml scripts/setup.sh scripts/install-browser.sh
	@sh scripts/setup.sh

setup: $(READY) ## make .venv with all that running and testing needs
	@:

demo: $(READY) ## see it work: albums arrive from a stand-in Bandcamp; no account, no Docker
	@$(PY) -m services.local demo

demo-stack: ## the same in containers, at port 5050
	@sh scripts/demo-stack.sh

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

pause: ## hold everything, across restarts
	@sh scripts/stage.sh reconciler pause

resume: ## go on
	@sh scripts/stage.sh reconciler resume

fan-id: ## whose session the cookies are, and until when
	@sh scripts/stage.sh scraper fan-id

status: ## every purchase in one state, and what needs you
	@sh scripts/stage.sh reconciler status

# FILE and SERVICE reach these scripts through the environment.
backup: ## keep the books and your cookies in backups/, or in FILE=...
	@sh scripts/backup.sh

restore: ## put back the books of FILE=backups/...; the present ones are kept
	@sh scripts/restore.sh

shell: ## a shell with bandcampsync at hand, in SERVICE=worker or from .venv
	@sh scripts/shell.sh

update: ## rebuild with the newest yt-dlp
	@sh scripts/update.sh

test: $(READY) ## every test that needs no Docker
	@$(PY) -m pytest -n auto --dist loadfile -m "not needs_docker"

test-stack: $(READY) ## the tests that need a Docker engine
	@if sh scripts/engine.sh; then $(PY) -m pytest -m needs_docker; \
	else echo "No Docker engine answers; these tests need one." >&2; exit 1; fi

soak: $(READY) ## the stack under random faults, kills and restarts, then a verdict: FOR=10m SEED=7
	@$(PY) tests/soak "$(or $(FOR),10m)" "$(SEED)"

# ROWS reaches Python as words: `make faults ROWS="disk 429"`.
faults: $(READY) ## the fault table: every fault, and whether the library ends whole; ROWS=words for some
	@$(PY) tests/faults $(ROWS)

crash-points: $(READY) ## kill each stage at every step on disk, and tell at how many
	@$(PY) tests/crash

storm: $(READY) ## the timeline of requests while Bandcamp refuses everything
	@$(PY) tests/storm

measure: ## what the running containers weigh: images, memory and processor at rest
	@python3 bench/stack.py

bench: $(READY) ## what a delivery costs, and the dashboard with 20,000 purchases and 50 listeners
	@$(PY) bench
	@$(PY) bench/dashboard.py

screenshots: $(READY) ## pictures of every page into docs/screenshots
	@$(PY) scripts/screenshots.py

lint: $(READY) ## ruff, mypy and tsc, as CI runs them
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) scripts/install_typescript.py
	@.venv/lib/python3*/site-packages/playwright/driver/node .venv/typescript/package/lib/tsc.js \
		-p services/dashboard/web/static/jsconfig.json

.env.example: shared/bandcamp_sync/settings.py $(READY)
	@$(PY) scripts/env_example.py > $@

lock: $(READY) ## resolve the dependencies anew into requirements.lock
	@sh scripts/lock.sh

clean: ## remove what tests and the demo left; never your data
	@rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find shared services tests -name __pycache__ -type d -prune -exec rm -rf {} +
