#!/usr/bin/env bash
# Builds the project's images and puts the changed ones into the local cluster's nodes: load.sh [NAME[:TAG]...]
# Without names those of the project's programs; postgres is the database of the demo, flux what hack/e2e/gitops follows Git
# with. metrics-server, which autoscalers ask, is started as well.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/images.sh
source "$cluster_here/images.sh"

# replace_pods makes the pods of an image start anew: its tag stays the same, so nothing else would.
replace_pods() {
  local namespace pod
  while read -r namespace pod; do
    kubectl --namespace "$namespace" delete pod "$pod" --wait=false --ignore-not-found
  done < <(kubectl get pods -A -o \
    'jsonpath={range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{" "}{.spec.containers[*].image}{"\n"}{end}' |
    awk -v image="$1" '$3 == image { print $1, $2 }')
}

# load BINARY REFERENCE [OPTION...]
load() {
  local loaded
  loaded=$(each_node import_image "$@")
  [[ -z $loaded ]] || { echo "$loaded" && replace_pods "$2"; }
}

# load_package NAME PACKAGE REFERENCE [OPTION...]
load_package() {
  compile "$cache/images/$1" "$repo" "$2"
  load "$cache/images/$1" "${@:3}"
}

load_postgres() {
  local root
  root=$("$repo/hack/postgres/root.sh")
  # SIGTERM would wait until the last client has gone.
  load_package postgres ./hack/postgres/entry "$image_host/postgres:15" -root "$root" -stop-signal SIGINT
}

load_flux() {
  local build=$repo/hack/k8s/build.sh name path
  "$build" flux
  for name in source-controller kustomize-controller; do
    path=$("$build" --print-path "$name")
    load "$path/$name" "$image_host/$name:dev"
  done
}

load_metrics_server() {
  local build=$repo/hack/k8s/build.sh directory metrics_server_version certificate key authority
  "$build" metrics-server/metrics-server
  directory=$("$build" --print-path metrics-server)
  metrics_server_version=$(basename "$directory")
  load "$directory/metrics-server" "$image_host/metrics-server:$metrics_server_version"
  certificate=$(base64 -w0 "$dir/pki/metrics-server.crt") key=$(base64 -w0 "$dir/pki/metrics-server.key")
  authority=$(base64 -w0 "$dir/pki/ca.crt")
  fill "$cluster_here/files/metrics-server.yaml" | kubectl apply --server-side --force-conflicts -f - >/dev/null
}

main() {
  local name names=("$@")
  ((${#names[@]})) || names=(manager dispatcher vendorsim)
  lock
  [[ -S $socket ]] || die "the node is not up: run hack/cluster/up.sh first"
  mkdir -p "$cache/images"
  for name in "${names[@]}"; do
    case $name in
    postgres) load_postgres ;;
    flux) load_flux ;;
    metrics-server) load_metrics_server ;;
    *:*) load_package "${name%:*}" "./cmd/${name%:*}" "ghcr.io/offlinepush/$name" ;;
    *) load_package "$name" "./cmd/$name" "ghcr.io/offlinepush/$name:dev" ;;
    esac
  done
}

main "$@"
