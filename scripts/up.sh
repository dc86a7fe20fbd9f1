#!/bin/sh
# Starts the stack: with Docker Compose where an engine answers, else the same four services as local processes.
set -eu
cd "$(dirname "$0")/.."

setting() {  # a variable from the environment, else from .env, else the default
    eval "value=\${$1:-}"
    if [ -z "$value" ] && [ -f .env ]; then
        value=$(sed -n "s/^$1=//p" .env | tail -n 1 | sed -e 's/[[:space:]]*$//' -e "s/^[\"']//" -e "s/[\"']\$//")
    fi
    echo "${value:-$2}"
}

if ! sh scripts/engine.sh; then
    echo "No Docker engine answers; starting the same four services as local processes."
    make --no-print-directory setup
    exec .venv/bin/python -m services.local up
fi

# The containers run as a user, and write to folders of the host: as whoever starts them, or as 1000 for root.
if [ "$(id -u)" != 0 ]; then
    PUID=$(setting PUID "$(id -u)")
    PGID=$(setting PGID "$(id -g)")
else
    PUID=$(setting PUID 1000)
    PGID=$(setting PGID 1000)
fi
export PUID PGID
data=$(setting DATA_DIR ./volumes)
music=$(setting MUSIC_DIR "")
# Only the music folder inside the data folder is made here. One elsewhere must be there: it may be a disk.
mkdir -p "$data/config" "$data/music"
if [ "$(id -u)" = 0 ]; then
    chown "$PUID:$PGID" "$data" "$data/config" "$data/music"
fi
if [ -n "$music" ] && [ ! -d "$music" ]; then
    echo "MUSIC_DIR=$music is not there; mount or make it first" >&2
    exit 5
fi
docker compose up -d --build --wait
bind=$(setting DASHBOARD_BIND 127.0.0.1:5000)
echo "The stack is up: http://$bind  (make ps, make logs, make down)"
