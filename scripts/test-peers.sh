#!/bin/sh
# The tests whose peers are built first (clients in Go and Java); what was built is kept in .cache.
set -eu
cd "$(dirname "$0")/.."
sh scripts/install.sh
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
KEYSTEAD_AZ=$(sh scripts/install-az.sh)/bin/az
export KEYSTEAD_AZ
exec vitest run --project peers "$@"
