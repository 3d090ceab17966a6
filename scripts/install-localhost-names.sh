#!/bin/sh
# Makes names under .localhost resolve for programs that ask the C library, as systemd does on most desktops.
set -eu
cd "$(dirname "$0")"
resolves() { getent hosts names.keystead.localhost >/dev/null; }
if ! resolves; then
  sh install-package.sh libnss-myhostname "The tests without a proxy need *.localhost to resolve (see \`keystead doctor\`)"
  resolves || { echo "libnss-myhostname is there, but *.localhost does not resolve: see /etc/nsswitch.conf." >&2; exit 1; }
fi
