#!/bin/sh
# The main job from a fresh clone: installs, builds, starts the cloud, shows the chain.
set -eu
cd "$(dirname "$0")/.."
sh scripts/install.sh
exec bin/keystead quickstart "$@"
