#!/usr/bin/env bash
# Compares the OpenAPI documents of docs/api with what was released.
#   hack/api.sh check     fails on what would break a program written for the released documents
#   hack/api.sh release   takes the documents as they are as the released ones; read the diff before you commit it
# OFFLINEPUSH_API names another folder than docs/api, for tests.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
docs=${OFFLINEPUSH_API:-docs/api}

check() {
  local oasdiff broken=0 document
  oasdiff=$(hack/tools/build.sh)/oasdiff
  for document in "$docs"/released/*.yaml; do
    # Removing what an answer held is no error to oasdiff by itself; the levels make it one.
    "$oasdiff" breaking --fail-on ERR --severity-levels hack/tools/oasdiff.levels --color never \
      "$document" "$docs/${document##*/}" || broken=1
  done
  if ((broken)); then
    echo 'api: these changes break programs that were written for docs/api/released.' >&2
    echo 'api: keep what was there beside the new, or, for a new major version, run: make api-release' >&2
    return 1
  fi
}

case ${1:-} in
  check) check ;;
  release) mkdir -p "$docs/released" && cp "$docs"/*.yaml "$docs/released/" ;;
  *) echo "usage: hack/api.sh check|release" >&2 && exit 2 ;;
esac
