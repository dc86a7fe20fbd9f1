#!/bin/sh
# Starts the stack: with Docker Compose where an engine answers, else the same four services as local processes.
set -eu
cd "$(dirname "$0")/.."
. scripts/settings.sh

data=$(setting DATA_DIR ./volumes)

next_step() {
    cookies=$(setting COOKIES_FILE "$data/config/cookies.txt")
    if [ -s "$cookies" ]; then
        echo "Albums arrive by themselves; \`make status\` tells how far it is."
    else
        echo "Next: open http://$(setting DASHBOARD_BIND 127.0.0.1:5000)/setup and hand over your cookies of bandcamp.com;"
        echo "      or save them as $cookies (then: chmod 600 $cookies). Syncing begins by itself."
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
whole() {  # NAME VALUE MEANING
    case $2 in
    *[!0-9]*)
        echo "$1='$2' is not valid: it may be a $3 id, a whole number" >&2
        exit 2 ;;
    esac
}
whole PUID "$PUID" user
whole PGID "$PGID" group
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
bind=$(setting DASHBOARD_BIND 127.0.0.1:5000)
# Compose reads the address before anything runs, and says little of a wrong one; so it gets a right one until then.
DASHBOARD_BIND=127.0.0.1:5000 docker compose build || exit 1
once() { DASHBOARD_BIND=127.0.0.1:5000 docker compose run --rm --no-deps -T "$@" < /dev/null; }
once -e DASHBOARD_BIND="$bind" dashboard bandcampsync settings --check || exit
if [ -n "$music" ]; then
    writable=0
    # Compose itself fails with 1.
    once worker sh -c 'test -w /data/music || exit 5' || writable=$?
    if [ $writable = 5 ]; then
        echo "MUSIC_DIR=$music cannot be written by $PUID:$PGID; run: sudo chown $PUID:$PGID '$music'" >&2
        exit 5
    fi
    [ $writable = 0 ] || exit $writable
fi
if ! docker compose up -d --wait; then
    echo "The stack did not become healthy. What each container says:" >&2
    docker compose ps --all --format 'table {{.Service}}\t{{.Status}}' >&2
    docker compose logs --tail 15 >&2
    exit 1
fi
echo "The stack is up: http://$bind  (make ps, make logs, make down)"
next_step
