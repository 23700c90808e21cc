#!/usr/bin/env bash
# Builds the project's images and puts the changed ones into the local cluster's node.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/images.sh
source "$cluster_here/images.sh"

main() {
  local name names=("$@")
  ((${#names[@]})) || names=(manager dispatcher vendorsim)
  lock
  [[ -S $socket ]] || die "the cluster is not up: run hack/cluster/up.sh first"
  mkdir -p "$cache/images"
  for name in "${names[@]}"; do
    compile "$cache/images/$name" "$repo" "./cmd/$name"
    import_image "$cache/images/$name" "ghcr.io/offlinepush/$name:dev"
  done
}

main "$@"
