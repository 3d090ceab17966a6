#!/bin/sh
# Installs the browser that the tests drive, with the tool that makes it trust a certificate; prints its path.
set -eu
cd "$(dirname "$0")"
why="The tests of the sign-in pages need a browser"
command -v chromium >/dev/null || sh install-package.sh chromium "$why"
command -v certutil >/dev/null || sh install-package.sh libnss3-tools "$why"
command -v chromium
