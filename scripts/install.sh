#!/bin/sh
# Installs what the repository needs, its own Node included, then builds. Does nothing that is already done.
# Everything is said on standard error: standard output belongs to the command that asked.
set -eu
cd "$(dirname "$0")/.."
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "Installing dependencies (a minute or two, this once) ..." >&2
  npm ci --no-fund --no-audit --loglevel=error >&2
  touch node_modules/.package-lock.json
fi
if [ ! -x node_modules/node/bin/node ]; then
  echo "The Node that the repository carries was not installed: npm's install scripts are switched off." >&2
  echo "Allow them for the packages that package.json names (allowScripts), then run this again." >&2
  exit 1
fi
# npm run puts node_modules/.bin first, but a shell script started by hand does not.
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
echo "Building ..." >&2
npm run --silent build >&2
