#!/bin/sh
# Writes the books to FILE, or to backups/: in the reconciler's container where there is one, else from .venv.
# A backup holds the cookies, so it is its owner's alone.
set -eu
cd "$(dirname "$0")/.."
umask 077
file=${FILE:-}
if [ -z "$file" ]; then
    mkdir -p backups
    chmod 700 backups
    file=backups/bandcampsync-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
fi

in_container() {  # through whichever container there is; a stopped stack's gets one more for as long as this takes
    if [ -n "$(docker compose ps --quiet --status running reconciler 2>/dev/null)" ]; then
        docker compose exec -T reconciler "$@"
    else
        docker compose run --rm -T --no-deps --user "$(docker inspect --format '{{.Config.User}}' "$container")" \
            reconciler "$@" < /dev/null
    fi
}

if sh scripts/engine.sh && container=$(docker compose ps --all --quiet reconciler 2>/dev/null | head -n 1) &&
    [ -n "$container" ]; then
    trap 'rm -f "$file.part"' EXIT
    trap 'exit 130' HUP INT TERM
    in_container bandcampsync backup - > "$file.part"
    mv "$file.part" "$file"
    echo "$file: $(wc -c < "$file" | tr -d ' ') bytes"
    exit 0
fi
[ -e .venv/.ready ] || make --no-print-directory setup
exec .venv/bin/python -m services.local do .venv/bin/bandcampsync backup "$file"
