#!/bin/sh
# Rebuilds with the newest yt-dlp: Bandcamp's stream pages change more often than this project does.
set -eu
cd "$(dirname "$0")/.."
. scripts/versions.sh
locked=$(locked_yt_dlp)
old=${YT_DLP_VERSION:-$locked}

engine=no
if sh scripts/engine.sh; then engine=yes; fi
[ $engine = yes ] || [ -e .venv/.ready ] || make --no-print-directory setup

ask() {  # PyPI, through whichever pip there is
    if [ -e .venv/.ready ]; then
        .venv/bin/python -m pip index versions yt-dlp
    else
        docker run --rm python:3.13-slim-trixie pip index versions yt-dlp
    fi 2>/dev/null
}

new=$(ask | sed -n 's/^yt-dlp (\([0-9][0-9.]*\))$/\1/p' | head -n 1)
if [ -z "$new" ]; then
    echo "the newest yt-dlp cannot be found out: PyPI does not answer; nothing was changed" >&2
    exit 4
fi
if newer "$new" "$locked"; then
    echo "$new" > .yt-dlp-version
else
    rm -f .yt-dlp-version
    new=$locked
fi
echo "yt-dlp $old -> $new"
export YT_DLP_VERSION="$new"

if [ $engine = no ]; then
    exec .venv/bin/python -m pip install -q --disable-pip-version-check "yt-dlp[curl-cffi]==$new"
fi
if [ -n "$(docker compose ps --quiet 2>/dev/null)" ]; then
    exec sh scripts/up.sh  # it knows as whom the containers run
fi
docker compose build
