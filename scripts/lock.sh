#!/bin/sh
# Resolves shared/pyproject.toml to exact versions, for every Python that is supported and every platform.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install -q uv
new=$(mktemp)
trap 'rm -f "$new"' EXIT
.venv/bin/python -m uv pip compile shared/pyproject.toml --all-extras --universal --python-version 3.11 \
    --no-emit-index-url --no-annotate --no-header --quiet --upgrade --output-file "$new"
{
    echo "# Exact versions of everything that runs or tests this project, for every supported Python. Made by \`make lock\` from"
    echo "# shared/pyproject.toml; used as constraints: pip install -c requirements.lock ./shared"
    cat "$new"
} > requirements.lock
echo "requirements.lock: $(grep -vc '^#' requirements.lock) packages"
