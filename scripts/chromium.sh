#!/usr/bin/env bash
# The browser tests drive the system's Chromium. Installs Debian's package where that is allowed, else says the command.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "set-up: installing Debian's chromium for the browser tests"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "set-up: no Chromium, so the browser tests are skipped. On Debian and Ubuntu: sudo apt-get install chromium" >&2
