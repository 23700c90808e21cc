#!/usr/bin/env bash
# Tests the cluster's life, with one node and with two: up, up again, repair after kill -9, interrupted start, nothing left after down.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/daemons.sh
source "$cluster_here/daemons.sh"

fail() { die "FAILED: $*"; }

# leftovers prints everything that a cluster makes, wherever it is.
leftovers() {
  local name n
  for name in "${control_plane[@]}" "${node_daemons[@]}" containerd-shim-runc-v2; do daemon_pid "$name"; done
  grep -F "$dir/" /proc/mounts || true
  for ((n = 1; n <= most_nodes; n++)); do
    use_node "$n"
    ip -oneline link show "$bridge" 2>/dev/null || true
  done
  { iptables-save && ip6tables-save; } 2>/dev/null | grep -E 'KUBE-|CNI-' || true
  find /sys/fs/cgroup -maxdepth 2 -name "$cgroups"
  find /var/lib/cni/results -name "$network-*" 2>/dev/null || true
  find /var/log/containers -lname "$dir/*" 2>/dev/null || true
  [[ ! -e $dir ]] || echo "$dir"
}

expect_down() {
  local left
  "$cluster_here/down.sh"
  left=$(leftovers)
  [[ -z $left ]] || fail "left behind: $left"
}

# expect_up SECONDS [NODES]
expect_up() {
  local start=$SECONDS n
  "$cluster_here/up.sh" "${2:-1}"
  for ((n = 1; n <= ${2:-1}; n++)); do kubectl wait --for=condition=Ready "node/node$n" --timeout=10s; done
  kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=10s
  ((SECONDS - start <= $1)) || fail "the cluster took $((SECONDS - start))s, more than $1s"
}

# crash PROGRAM...: of all nodes.
crash() {
  local name pids=()
  for name in "$@"; do mapfile -t -O "${#pids[@]}" pids < <(daemon_pid "$name"); done
  kill -KILL "${pids[@]}"
}

# interrupt SECONDS: ends a start at that point as hard as it can be ended.
interrupt() {
  local pid
  setsid "$cluster_here/up.sh" 2 >/dev/null 2>&1 &
  pid=$!
  sleep "$1"
  kill -KILL -- "-$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

main() {
  local seconds
  expect_down
  expect_up 60
  expect_up 4
  crash etcd kube-apiserver containerd kubelet
  expect_up 30
  crash "${control_plane[@]}" "${node_daemons[@]}"
  expect_up 30
  expect_up 20 2
  expect_up 4 # The second node stays.
  crash containerd kubelet
  expect_up 30 2
  expect_down
  for seconds in 1 3 6 9; do
    interrupt "$seconds"
    expect_down
    interrupt "$seconds"
    expect_up 60 2
  done
  expect_down
  say "all passed"
}

main "$@"
