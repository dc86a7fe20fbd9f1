#!/bin/sh
# Puts the books of the backup FILE in the place of the present ones. Services that run are stopped for it, and started
# again whatever comes of it.
set -eu
cd "$(dirname "$0")/.."
file=${FILE:-}
if [ ! -f "$file" ]; then
    echo "${file:+there is no file $file; }say which backup: make restore FILE=backups/..." >&2
    exit 2
fi
trap 'exit 130' HUP INT TERM

# What was just stopped here can still look alive for a moment, hence --force; without it `restore` looks for itself.
if sh scripts/engine.sh && container=$(docker compose ps --all --quiet reconciler 2>/dev/null | head -n 1) &&
    [ -n "$container" ]; then
    user=$(docker inspect --format '{{.Config.User}}' "$container")
    running=$(docker compose ps --services --status running --status restarting | xargs)
    if [ -n "$running" ]; then
        trap 'docker compose start $running' EXIT
        docker compose stop
    fi
    docker compose run --rm -T --no-deps --user "$user" reconciler bandcampsync restore ${running:+--force} - < "$file"
    exit 0
fi
[ -e .venv/.ready ] || make --no-print-directory setup
running=$(.venv/bin/python -m services.local ps)
[ "$running" != "nothing runs" ] || running=
if [ -n "$running" ]; then
    trap '.venv/bin/python -m services.local up' EXIT
    .venv/bin/python -m services.local down
fi
.venv/bin/python -m services.local do .venv/bin/bandcampsync restore ${running:+--force} "$file"
