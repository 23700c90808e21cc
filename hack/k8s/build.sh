#!/usr/bin/env bash
# Builds Kubernetes, etcd, CoreDNS, metrics-server and Flux from their Go modules into a cache outside the checkout.
# Safe to interrupt, to repeat and to run twice at a time: a binary appears whole or not at all.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${OFFLINEPUSH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offlinepush}

usage() {
  cat <<'TEXT'
Usage: build.sh TARGET...                  build what is not in the cache yet
       build.sh --print-path MODULE        print the directory of a module's binaries

TARGET is MODULE/BINARY or a set:
  envtest   what envtest needs of the newest and the oldest supported Kubernetes
  cluster   what hack/cluster needs
  flux      what hack/e2e/gitops needs
MODULE is newest, oldest, coredns, metrics-server, source-controller or kustomize-controller: the directories beside this
script, whose go.mod pins the version.
Binaries go to ${OFFLINEPUSH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offlinepush}/{k8s,coredns,...}/VERSION.
TEXT
}

envtest_targets=(newest/kube-apiserver newest/etcd newest/kubectl oldest/kube-apiserver)
cluster_targets=(newest/kube-apiserver newest/etcd newest/kubectl newest/kube-controller-manager
  newest/kube-scheduler newest/kubelet newest/kube-proxy coredns/coredns)
flux_targets=(source-controller/source-controller kustomize-controller/kustomize-controller)

# module_version MODULE: the version of the software that the module pins.
module_version() {
  local name=k8s.io/kubernetes
  case $1 in
  coredns) name=github.com/coredns/coredns ;;
  metrics-server) name=sigs.k8s.io/metrics-server ;;
  *-controller) name=github.com/fluxcd/$1 ;;
  esac
  awk -v name="$name" '{ for (i = 1; i < NF; i++) if ($i == name && $(i + 1) ~ /^v/) { print $(i + 1); exit } }' \
    "$here/$1/go.mod"
}

module_path() {
  local version
  version=$(module_version "$1")
  case $1 in
  coredns | metrics-server | *-controller) echo "$cache/$1/$version" ;;
  *) echo "$cache/k8s/$version" ;;
  esac
}

package_of() {
  case $1 in
  newest/etcd) echo go.etcd.io/etcd/server/v3 ;;
  coredns/coredns) echo . ;;
  source-controller/source-controller | kustomize-controller/kustomize-controller) echo "github.com/fluxcd/${1#*/}" ;;
  metrics-server/metrics-server) echo sigs.k8s.io/metrics-server/cmd/metrics-server ;;
  newest/* | oldest/kube-apiserver) echo "k8s.io/kubernetes/cmd/${1#*/}" ;;
  *)
    echo "build.sh: unknown target $1; run build.sh --help" >&2
    return 1
    ;;
  esac
}

# ldflags VERSION: what the release build of Kubernetes sets, so that every component reports the version.
ldflags() {
  local v=k8s.io/component-base/version major minor
  IFS=. read -r major minor _ <<<"${1#v}"
  echo "-s -w -X $v.gitVersion=$1 -X $v.gitMajor=$major -X $v.gitMinor=$minor -X $v.gitTreeState=clean"
}

elapsed() { printf '%dm%02ds' $((($(date +%s) - $1) / 60)) $((($(date +%s) - $1) % 60)); }

# compile MODULE PACKAGE OUTPUT LABEL: one go build that says every half minute that it lives.
compile() {
  local start pid
  start=$(date +%s)
  (cd "$here/$1" && exec env GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 \
    go build -trimpath -buildvcs=false -ldflags "$(ldflags "$(module_version "$1")")" -o "$3" "$2") &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true; rm -f "$3"; exit 130' INT TERM
  while ! timeout 30 tail --pid="$pid" -f /dev/null; do
    echo "    $4: still building after $(elapsed "$start")"
  done
  wait "$pid"
  trap - INT TERM
  echo "    $4: built in $(elapsed "$start")"
}

# build TARGET: skips a binary whose key (Go version, module files, linker flags) has not changed.
build() {
  local module=${1%%/*} binary=${1#*/} package dir key
  package=$(package_of "$1")
  dir=$(module_path "$module")
  key=$({ go env GOVERSION GOARCH && cat "$here/$module"/*.* && ldflags "$(module_version "$module")"; } | sha256sum)
  mkdir -p "$dir"
  exec 9>"$dir/.$binary.lock"
  flock -n 9 || { echo "    $binary: waiting for another build of it" && flock 9; }
  if [[ -x $dir/$binary && $(cat "$dir/.$binary.key" 2>/dev/null) == "$key" ]]; then
    return
  fi
  echo "    $binary for $(basename "$dir"): building"
  compile "$module" "$package" "$dir/.$binary.new" "$binary for $(basename "$dir")"
  mv "$dir/.$binary.new" "$dir/$binary"
  echo "$key" >"$dir/.$binary.key"
}

# share_tools: envtest wants etcd and kubectl beside each kube-apiserver; the newest ones serve all.
share_tools() {
  local newest oldest tool
  newest=$(module_path newest) oldest=$(module_path oldest)
  for tool in etcd kubectl; do
    [[ $oldest/$tool -ef $newest/$tool ]] || ln -sfn "$newest/$tool" "$oldest/$tool"
  done
}

main() {
  local target targets=()
  case ${1:-} in
  --print-path)
    module_path "${2:?--print-path needs a MODULE; see build.sh --help}"
    return
    ;;
  '' | -h | --help)
    usage
    return
    ;;
  esac
  for target in "$@"; do
    case $target in
    envtest) targets+=("${envtest_targets[@]}") ;;
    cluster) targets+=("${cluster_targets[@]}") ;;
    flux) targets+=("${flux_targets[@]}") ;;
    *) targets+=("$target") ;;
    esac
  done
  for target in "${targets[@]}"; do build "$target"; done
  [[ " ${targets[*]} " != *" oldest/"* ]] || share_tools
}

main "$@"
