#!/usr/bin/env bash
# Builds the project's images and puts the changed ones into the local cluster's node.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/images.sh
source "$cluster_here/images.sh"

# replace_pods makes the pods of an image start anew: its tag stays the same, so nothing else would.
replace_pods() {
  local namespace pod
  while read -r namespace pod; do
    kubectl --namespace "$namespace" delete pod "$pod" --wait=false
  done < <(kubectl get pods -A -o \
    'jsonpath={range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{" "}{.spec.containers[*].image}{"\n"}{end}' |
    awk -v image="$1" '$3 == image { print $1, $2 }')
}

main() {
  local name ref loaded names=("$@")
  ((${#names[@]})) || names=(manager dispatcher vendorsim)
  lock
  [[ -S $socket ]] || die "the node is not up: run hack/cluster/up.sh first"
  mkdir -p "$cache/images"
  for name in "${names[@]}"; do
    ref=ghcr.io/offlinepush/$name:dev
    compile "$cache/images/$name" "$repo" "./cmd/$name"
    loaded=$(import_image "$cache/images/$name" "$ref")
    [[ -z $loaded ]] || { echo "$loaded" && replace_pods "$ref"; }
  done
}

main "$@"
