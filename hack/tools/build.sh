#!/usr/bin/env bash
# Builds the tools that go.mod pins into a cache outside the checkout and prints their directory.
# The directory's name holds the Go version and a hash of what it is built from: present means up to date.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
key=$({ go env GOVERSION GOARCH && cat go.mod go.sum golangci-lint/*.go; } | sha256sum | cut -c1-16)
cache=${OFFLINEPUSH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offlinepush}
dir=$cache/tools/$(go env GOVERSION)-$key

if [[ ! -d $dir ]]; then
  echo "Building the tools of hack/tools/go.mod (about 5 minutes on two cores, once)" >&2
  mkdir -p "$cache/tools"
  new=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 \
    go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$new/" tool >&2
  mv -T "$new" "$dir" 2>/dev/null || [[ -d $dir ]]
fi
echo "$dir"
