#!/bin/sh
# Installs the Python clients that the tests use into a virtual environment of the repository's own; prints its path.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/python
wanted=$(cksum < tests/python/requirements.txt)
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ]; then
  command -v python3 >/dev/null || { echo "The tests with Python clients need python3." >&2; exit 1; }
  echo "Installing the Python clients ..." >&2
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/python/requirements.txt >&2
  echo "$wanted" > "$venv/.installed"
fi
echo "$PWD/$venv"
