#!/bin/sh
# A shell where `bandcampsync` is at hand: in the SERVICE's container when it is up, else one with .venv and .env applied.
set -eu
cd "$(dirname "$0")/.."
service=${SERVICE:-worker}
if sh scripts/engine.sh && [ -n "$(docker compose ps --quiet --status running "$service" 2>/dev/null)" ]; then
    exec docker compose exec "$service" bash
fi
[ -e .venv/.ready ] || make --no-print-directory setup
export PATH="$PWD/.venv/bin:$PATH"
exec .venv/bin/python -m services.local do "${SHELL:-/bin/sh}"
