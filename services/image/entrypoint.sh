#!/bin/sh
# The image runs as an ordinary user. Whoever starts it as root (some NAS panels do) gets PUID:PGID all the same.
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid "${PUID:-1000}" --regid "${PGID:-${PUID:-1000}}" --clear-groups -- "$@"
fi
exec "$@"
