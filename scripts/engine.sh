#!/bin/sh
# Whether a Docker engine with Compose answers; quiet, quick.
command -v docker >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1
