#!/bin/sh
# Runs `bandcampsync ARGUMENTS` where it belongs: in the SERVICE's container when the stack is up, else from .venv.
set -eu
cd "$(dirname "$0")/.."
service=$1
shift
if sh scripts/engine.sh && [ -n "$(docker compose ps --quiet --status running "$service" 2>/dev/null)" ]; then
    if [ -t 1 ]; then exec docker compose exec "$service" bandcampsync "$@"; fi
    exec docker compose exec -T "$service" bandcampsync "$@"
fi
[ -e .venv/.ready ] || make --no-print-directory setup
exec .venv/bin/python -m services.local do .venv/bin/bandcampsync "$@"
