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

data=$(setting DATA_DIR ./volumes)

next_step() {
    cookies=$(setting COOKIES_FILE "$data/config/cookies.txt")
    if [ -s "$cookies" ]; then
        echo "Albums arrive by themselves; \`make status\` tells how far it is."
    else
        echo "Next: log in to Bandcamp in a browser, export the cookies of bandcamp.com, and save them as"
        echo "      $cookies (then: chmod 600 $cookies). Syncing begins by itself."
    fi
}

if ! sh scripts/engine.sh; then
    echo "No Docker engine answers; starting the same four services as local processes."
    make --no-print-directory setup
    .venv/bin/python -m services.local up
    next_step
    exit
fi

# The containers run as a user, and write to folders of the host: as whoever starts them, or as 1000 for root.
given=$(setting PUID "")
if [ "$(id -u)" != 0 ]; then
    PUID=$(setting PUID "$(id -u)")
    PGID=$(setting PGID "$(id -g)")
else
    PUID=$(setting PUID 1000)
    PGID=$(setting PGID 1000)
fi
if [ "$PUID:$PGID" != 1000:1000 ] && [ -z "$given" ]; then
    # `docker compose` by hand must run the containers as the same user.
    [ -z "$(tail -c 1 .env 2>/dev/null)" ] || echo >> .env
    printf 'PUID=%s\nPGID=%s\n' "$PUID" "$PGID" >> .env
    echo "Your containers run as $PUID:$PGID; .env says so now."
fi
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' shared/pyproject.toml)
REVISION=$(git rev-parse --short HEAD 2>/dev/null || true)
export PUID PGID VERSION REVISION
. scripts/versions.sh

music=$(setting MUSIC_DIR "")
# Only the music folder inside the data folder is made here. One elsewhere must be there: it may be a disk.
mkdir -p "$data/config" "$data/music"
if [ "$(id -u)" = 0 ]; then
    # Cookies that root put there are for the containers' user to read.
    chown "$PUID:$PGID" "$data" "$data/music"
    chown -R "$PUID:$PGID" "$data/config"
fi
if [ -n "$music" ] && [ ! -d "$music" ]; then
    echo "MUSIC_DIR=$music is not there; mount or make it first" >&2
    exit 5
fi
if ! docker compose up -d --build --wait; then
    echo "The stack did not become healthy. What each container says:" >&2
    docker compose ps --all --format 'table {{.Service}}\t{{.Status}}' >&2
    docker compose logs --tail 15 >&2
    exit 1
fi
echo "The stack is up: http://$(setting DASHBOARD_BIND 127.0.0.1:5000)  (make ps, make logs, make down)"
next_step
