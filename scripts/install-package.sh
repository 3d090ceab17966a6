#!/bin/sh
# Installs one Debian package that tests need: `install-package.sh NAME "what needs it"`.
set -eu
command -v apt-get >/dev/null || { echo "$2: install $1, which this system has no apt-get for." >&2; exit 1; }
echo "Installing $1 ..." >&2
install() { apt-get install --yes --quiet --no-install-recommends "$1" >&2; }
# The lists of a new machine may be older than what is on the servers, or not there at all.
install "$1" || { apt-get update --quiet >&2; install "$1"; } || { echo "$2: $1 could not be installed." >&2; exit 1; }
