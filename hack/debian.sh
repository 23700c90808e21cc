#!/usr/bin/env bash
# Installs the Debian packages of what is missing: debian.sh COMMAND-OR-FILE=PACKAGE...
set -euo pipefail

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
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -yqq --no-install-recommends "${missing[@]}" </dev/null; }
install >/dev/null 2>&1 || { apt-get update -qq && install; } >&2
