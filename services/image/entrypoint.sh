#!/bin/sh
# supervisord must know how many workers there are before one of them can say that the number is none: then one is
# started, which says so.
case ${WORKERS:-2} in
    [1-9] | 1[0-6]) export BCS_WORKERS="${WORKERS:-2}" ;;
    *) export BCS_WORKERS=1 ;;
esac
# The image runs as an ordinary user. Whoever starts it as root (some NAS panels do) gets PUID:PGID all the same.
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid "${PUID:-1000}" --regid "${PGID:-${PUID:-1000}}" --clear-groups -- "$@"
fi
exec "$@"
