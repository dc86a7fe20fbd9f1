#!/bin/sh
# `down`, `ps` and `logs` for whichever form of the stack runs.
set -eu
cd "$(dirname "$0")/.."
in_docker() { sh scripts/engine.sh && [ -n "$(docker compose ps --all --quiet 2>/dev/null)" ]; }
locally() { if [ -e .venv/.ready ]; then .venv/bin/python -m services.local "$1"; else echo "nothing runs"; fi; }

case $1 in
down)
    if in_docker; then docker compose down; else locally down; fi ;;
ps)
    if in_docker; then docker compose ps; else locally ps; fi ;;
logs)
    if in_docker; then exec docker compose logs --follow --tail 100; fi
    . scripts/settings.sh
    folder=$(setting DATA_DIR ./volumes)
    ls "$folder"/logs/*.log >/dev/null 2>&1 || { echo "there are no logs yet"; exit 0; }
    exec tail -n 100 -F "$folder"/logs/*.log ;;
esac
