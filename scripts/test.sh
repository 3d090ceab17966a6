#!/bin/sh
# Installs what is missing and runs every test but those whose peers have to be built. Arguments go to vitest.
set -eu
cd "$(dirname "$0")/.."
sh scripts/install.sh
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
echo "Checking lint, format and imports ..." >&2
biome check .
tsc -p tsconfig.tests.json
KEYSTEAD_PYTHON=$(sh scripts/install-python.sh)/bin/python
export KEYSTEAD_PYTHON
KEYSTEAD_AZ=$(sh scripts/install-az.sh)/bin/az
export KEYSTEAD_AZ
KEYSTEAD_CHROMIUM=$(sh scripts/install-chromium.sh)
export KEYSTEAD_CHROMIUM
sh scripts/install-localhost-names.sh
exec vitest run --project unit --project system "$@"
