#!/bin/sh
# Makes .venv with everything that running and testing needs, or with `all`: running alone. Safe to run again.
set -eu
cd "$(dirname "$0")/.."
extras=${1:-dev}

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2
    exit 2
}

make_venv() {
    python=$(find_python)
    rm -rf .venv
    # Debian's python3 without python3-venv has no ensurepip; pip itself can fill an empty environment.
    if ! "$python" -m venv .venv 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv --without-pip .venv
        if ! "$python" -m pip --python .venv/bin/python install -q pip; then
            rm -rf .venv
            echo "no virtual environment can be made: install python3-venv (Debian: apt-get install python3-venv)" >&2
            exit 2
        fi
    fi
}

# A checkout that was moved, or a Python that was removed, leaves a .venv that does not start.
if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "making .venv"
    make_venv
fi
echo "installing into .venv"
.venv/bin/python -m pip install -q --disable-pip-version-check -c requirements.lock -e "./shared[$extras]"
sh scripts/install-browser.sh
# `make` goes by .ready, and needs what tests need.
if [ "$extras" = dev ]; then touch .venv/.ready; else touch ".venv/.ready-$extras"; fi
