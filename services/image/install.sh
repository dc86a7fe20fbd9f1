#!/bin/sh
# In the build stage: puts the package with the EXTRAS into /venv, at the versions of requirements.lock. Run first where
# only shared/pyproject.toml is there (what it needs is then a layer of its own), then again where all of it is.
# YT_DLP_VERSION takes that yt-dlp instead of the locked one: Bandcamp changes, and streams stop.
set -eu
extras=$1
cd /build
install() { pip --python /venv/bin/python install --disable-pip-version-check -q -c requirements.lock "$@"; }

if [ ! -e shared/bandcamp_sync/cli.py ]; then
    python -m venv --without-pip /venv
    mkdir -p shared/bandcamp_sync && touch shared/bandcamp_sync/__init__.py shared/bandcamp_sync/py.typed
    install "./shared[$extras]"
    if [ -n "${YT_DLP_VERSION:-}" ] && [ -e /venv/bin/yt-dlp ]; then
        pip --python /venv/bin/python install --disable-pip-version-check -q "yt-dlp[curl-cffi]==$YT_DLP_VERSION"
    fi
    rm -rf shared/bandcamp_sync shared/build shared/*.egg-info
    # Tests of others, and what only compilers read.
    find /venv -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} +
    find /venv \( -name '*.pyi' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' \) -type f -delete
else
    install --no-deps --force-reinstall ./shared
fi
