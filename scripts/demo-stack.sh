#!/bin/sh
# The demo in containers, until Ctrl-C; it leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
sh scripts/engine.sh || { echo "No Docker engine answers; \`make demo\` needs none." >&2; exit 1; }
demo() { docker compose -p bandcampsync-demo --profile demo "$@"; }
trap 'demo down --volumes --remove-orphans' EXIT
trap 'exit 130' INT TERM
demo up --build --detach --wait demo
echo "The demo is up: http://127.0.0.1:5050; Ctrl-C ends it and removes what it made."
demo logs --follow --no-log-prefix --tail 0 demo-scraper demo-reconciler demo-worker
