#!/bin/sh
# Installs an Azure CLI of the years when new vaults had access policies, beside today's; prints its path. Its packages
# are all named in the list, without the services that no test asks for.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/old-az
list=tests/seeds/003/old-az-requirements.txt
wanted=$(cksum < "$list")
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ]; then
  command -v python3 >/dev/null || { echo "The tests with the older Azure CLI need python3." >&2; exit 1; }
  echo "Installing the older Azure CLI ..." >&2
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps -r "$list" >&2
  echo "$wanted" > "$venv/.installed"
fi
echo "$PWD/$venv"
