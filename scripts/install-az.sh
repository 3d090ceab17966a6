#!/bin/sh
# Installs the Azure CLI that the tests run into a virtual environment of the repository's own; prints its path.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/az
wanted=$(cksum < tests/az/requirements.txt)
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ]; then
  command -v python3 >/dev/null || { echo "The tests with the Azure CLI need python3." >&2; exit 1; }
  echo "Installing the Azure CLI ..." >&2
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/az/requirements.txt >&2
  echo "$wanted" > "$venv/.installed"
fi
echo "$PWD/$venv"
