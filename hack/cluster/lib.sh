# shellcheck shell=bash disable=SC2034,SC2154  # Sourced; the names are used by the scripts that source it.
# Names, paths and helpers that the cluster's scripts share.
set -euo pipefail
shopt -s inherit_errexit

cluster_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$cluster_here/../.." && pwd)
cache=${OFFLINEPUSH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offlinepush}
dir=$cache/cluster/dev
k8s=$("$repo/hack/k8s/build.sh" --print-path newest)
coredns=$("$repo/hack/k8s/build.sh" --print-path coredns)

# The node has the bridge's own address: no outside interface is used, and pods reach the API server.
bridge=offlinepush0
network=offlinepush
cgroup=offlinepush
node=node1
node_ip=10.245.0.1
pod_cidr=10.245.0.0/24
service_cidr=10.96.0.0/16
api_ip=10.96.0.1
dns_ip=10.96.0.10
socket=$dir/ctd/c.sock
image_host=offlinepush.local

# The host's settings that the node changes, and the directories outside its own that it makes.
host_sysctls=(net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.all.route_localnet
  vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes)
host_dirs=(/var/lib/kubelet/device-plugins /var/lib/kubelet /var/lib/cni/results /var/lib/cni
  /run/containerd/s /run/containerd /var/log/containers /var/log/pods)

export KUBECONFIG=$dir/kubeconfig

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

kubectl() { "$k8s/kubectl" --request-timeout=10s "$@"; }

# lock keeps two runs of these scripts apart. Daemons must not inherit the descriptor.
lock() {
  [[ $(id -u) == 0 ]] || die "the node needs root: run it again with sudo -E"
  [[ -z ${OFFLINEPUSH_LOCKED:-} ]] || return 0
  mkdir -p "$cache"
  exec 8<"$cache"
  flock -n 8 || { say "waiting for another run of up, down or load" && flock 8; }
  export OFFLINEPUSH_LOCKED=1
}

# foreign_owner prints the directory of the other node that has the bridge, if there is one.
foreign_owner() {
  local owner
  owner=$(cat "/sys/class/net/$bridge/ifalias" 2>/dev/null || true)
  [[ $owner == "$dir" ]] || echo "$owner"
}

# daemon_pid PROGRAM: found by its command line, so there are no pid files that could be stale.
daemon_pid() { pgrep -f "^([^ ]*/)?$1 .*$dir/" || true; }

# await SECONDS WHAT COMMAND...: polls until the command succeeds.
await() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { echo "gave up waiting for $what; see the logs in $dir/log" >&2 && return 1; }
    sleep 0.2
  done
}

# fill FILE: the file with @NAME@ replaced by the shell variable of that name.
fill() {
  local text name
  text=$(<"$1")
  while [[ $text =~ @([a-z0-9_]+)@ ]]; do
    name=${BASH_REMATCH[1]}
    text=${text//"@$name@"/"${!name}"}
  done
  printf '%s\n' "$text"
}
