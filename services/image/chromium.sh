#!/bin/sh
# Debian's Chromium without a window. Its graphics drivers are left out: nothing is drawn on a screen here, and they are
# a third of its weight.
set -eu
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium-headless-shell
dpkg --purge --force-depends mesa-libgallium libllvm19 libz3-4 2>/dev/null || true
rm -rf /usr/lib/chromium/libVkLayer_khronos_validation.so /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
