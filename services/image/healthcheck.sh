#!/bin/sh
# Whether a container's programs live: each runs, and all renewed their sign of life within five minutes. With an
# address, also whether that answers. What is wrong is said in a line, for `docker inspect`.
set -u
run=${BCS_RUN:-/tmp}
if [ -e "$run/unwell" ]; then
    cat "$run/unwell"
    exit 1
fi
if [ -z "$(find "$run/alive" -type f 2>/dev/null)" ]; then
    echo "no sign of life"
    exit 1
fi
silent=$(find "$run/alive" -type f -mmin +5 -exec basename {} \;)
if [ -n "$silent" ]; then
    echo "no sign of life lately:" $silent
    exit 1
fi
if [ $# -gt 0 ]; then
    exec bash -c '
        host=${1%:*} port=${1##*:}
        exec 3<>"/dev/tcp/$host/$port" || { echo "no answer at $1"; exit 1; }
        printf "GET /healthz HTTP/1.0\r\nHost: %s\r\n\r\n" "$1" >&3
        read -t 4 -r _ status _ <&3
        [ "$status" = 200 ] || { echo "$1 answers ${status:-nothing}"; exit 1; }' - "$1"
fi
