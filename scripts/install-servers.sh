#!/bin/sh
# Installs the database servers that the tests start themselves (Redis, PostgreSQL) and etcd, from Debian or Ubuntu,
# where they are missing; no service is started. Does nothing that is already done.
set -eu
missing=""
command -v redis-server >/dev/null || missing="$missing redis-server"
command -v etcd >/dev/null || missing="$missing etcd-server"
found=""
for initdb in /usr/lib/postgresql/*/bin/initdb; do [ -x "$initdb" ] && found=yes; done
[ -n "$found" ] || command -v initdb >/dev/null || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "The tests need these servers on PATH:$missing" >&2; exit 1; }
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "Installing$missing ..." >&2
# What a package's scripts would start is refused; the tests start servers of their own.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod +x "$policy"
  made_policy=yes
fi
$as_root apt-get update -qq >&2
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
[ -z "$made_policy" ] || $as_root rm "$policy"
