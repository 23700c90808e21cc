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

network=offlinepush
cgroups=offlinepush
cluster_cidr=10.245.0.0/16
service_cidr=10.96.0.0/16
api_ip=10.96.0.1
dns_ip=10.96.0.10
image_host=offlinepush.local

# The control plane is on the first node's address.
api_host=10.245.0.1
most_nodes=2

# use_node NUMBER: whose names, addresses and paths are meant from now on. A node has its bridge's own address: no
# outside interface is used, and pods reach the API server.
use_node() {
  local index=$(($1 - 1))
  node=node$1
  home=$dir/$node
  bridge=offlinepush$index
  node_ip=10.245.$index.1
  pod_cidr=10.245.$index.0/24
  cgroup=$cgroups/$node
  socket=$home/ctd/c.sock
}
use_node 1

# nodes lists the numbers of the nodes that there are.
nodes() {
  local n
  for ((n = 1; n <= most_nodes; n++)); do [[ ! -d $dir/node$n ]] || echo "$n"; done
}

# each_node COMMAND...: does it for every node. It ends where a command fails, but not inside a condition.
each_node() {
  local n
  for n in $(nodes); do
    use_node "$n"
    "$@"
  done
  use_node 1
}

# every_node CONDITION...: whether it holds for every node.
every_node() {
  local n result=0
  for n in $(nodes); do
    use_node "$n"
    "$@" || result=1
  done
  use_node 1
  return "$result"
}

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

kubectl() { "$k8s/kubectl" --request-timeout=60s "$@"; }

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

# daemon_pid PROGRAM [DIRECTORY]: found by its command line, so there are no pid files that could be stale.
daemon_pid() { pgrep -f "^([^ ]*/)?$1 .*${2:-$dir}/" || true; }

# await SECONDS WHAT COMMAND...: polls until the command succeeds.
await() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { echo "gave up waiting for $what; see the logs in $dir/log and $dir/node*/log" >&2 && return 1; }
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
