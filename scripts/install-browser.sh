#!/bin/sh
# A Chromium for what Bandcamp shows to nothing but a real browser: one that is there already, else Playwright's,
# else Debian's. Without any of them the rest works, and this says what does not.
set -u
cd "$(dirname "$0")/.."
limit=${BROWSER_DOWNLOAD_SECONDS:-180}

starts() {
    .venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
from playwright.sync_api import sync_playwright
from bandcamp_sync.bandcamp.browser import find_chromium

with sync_playwright() as playwright:
    path = find_chromium(playwright.chromium.executable_path)
    if path is None:
        sys.exit(1)
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=30000)
    print(f"browser: Chromium {browser.version}")
    browser.close()
PYTHON
}

within() {  # macOS has no `timeout`
    if command -v timeout >/dev/null; then timeout "$limit" "$@"; else "$@"; fi
}

from_debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    within apt-get update -qq >/dev/null 2>&1
    for package in chromium-headless-shell chromium; do
        within apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 && return 0
    done
    return 1
}

starts && exit 0
echo "browser: downloading Playwright's Chromium"
within .venv/bin/python -m playwright install chromium >/dev/null 2>&1 && starts && exit 0
echo "browser: Playwright's cannot be had or does not start; trying Debian's"
from_debian && starts && exit 0
echo "browser: none. Everything works but passing Bandcamp's browser challenges; install Chromium and run make setup again"
