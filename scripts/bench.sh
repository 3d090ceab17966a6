#!/bin/sh
# Prints ratios, each measured in alternating rounds of one run on loopback. `--output json` for programs.
set -eu
cd "$(dirname "$0")/.."
sh scripts/install.sh
exec node_modules/node/bin/node bench/main.ts "$@"
