#!/usr/bin/env bash
# Installs the Debian packages of what is missing: debian.sh COMMAND-OR-FILE=PACKAGE...
set -euo pipefail
# shellcheck source=hack/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

missing=()
for pair in "$@"; do
  thing=${pair%%=*}
  [[ -e $thing ]] || command -v "$thing" >/dev/null || missing+=("${pair#*=}")
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null || ((EUID)); then
  echo "missing: ${missing[*]}: install them (Debian's names), then run this again" >&2
  exit 1
fi
echo "Installing ${missing[*]}" >&2
install() { apt_get install -y --no-install-recommends "${missing[@]}"; }
# An installation that was interrupted stands in the way of the next until it is through.
install >/dev/null 2>&1 || { { dpkg --configure -a || true; } && apt_update && install; } >&2
