#!/usr/bin/env bash
# Installs the PostgreSQL server and PgBouncer that the tests start for themselves, without any system service.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

servers=(/usr/lib/postgresql/*/bin/postgres)
wanted=("${servers[0]}=postgresql" /usr/sbin/pgbouncer=pgbouncer)
[[ -e ${servers[0]} && -e /usr/sbin/pgbouncer ]] && exit 0

if ((EUID == 0)); then
  # Debian makes and starts a cluster of its own, and starts the pooler, unless told not to.
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/offlinepush.conf
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
fi
"$repo/hack/debian.sh" "${wanted[@]}"
