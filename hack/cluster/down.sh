#!/usr/bin/env bash
# Removes the local cluster entirely, whatever state it is in: processes, mounts, network, control groups, files.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/daemons.sh
source "$cluster_here/daemons.sh"

# kill_all waits until the processes are gone. A zombie counts as gone: only its parent can remove it.
kill_all() {
  local pid deadline=$((SECONDS + 60))
  (($#)) || return 0
  kill -KILL "$@" 2>/dev/null || true
  for pid in "$@"; do
    while grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" 2>/dev/null; do
      ((SECONDS < deadline)) || die "process $pid does not end"
      sleep 0.05
    done
  done
}

# stop_processes ends the daemons first, so that nothing starts a pod again. The data is discarded, so none need tidy up.
stop_processes() {
  local name pids=()
  for name in "${node_daemons[@]}" "${control_plane[@]}"; do
    mapfile -t -O "${#pids[@]}" pids < <(daemon_pid "$name")
  done
  kill_all "${pids[@]}"
  mapfile -t pids < <(pod_processes)
  kill_all "${pids[@]}"
  mapfile -t pids < <(pgrep -f "^([^ ]*/)?containerd-shim-runc-v2 .*$dir/" || true)
  kill_all "${pids[@]}"
}

cgroup_trees() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$cgroups"; }

pod_processes() {
  local tree
  for tree in $(cgroup_trees); do find "$tree" -name cgroup.procs -exec cat {} + 2>/dev/null || true; done | sort -u
}

remove_cgroups() {
  local tree
  for tree in $(cgroup_trees); do
    await 60 "the control groups in $tree" remove_tree "$tree"
  done
}

# remove_tree may find a group busy for a moment after its last process has ended.
remove_tree() { find "$1" -depth -type d -exec rmdir {} + && [[ ! -d $1 ]]; }

remove_mounts() {
  local target
  while read -r target; do
    umount "$target" 2>/dev/null || umount --lazy "$target"
  done < <(awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r)
}

# remove_traces removes what containerd, the network plugins and the kubelet note about pods outside the node's directory.
remove_traces() {
  local file id
  for file in "$dir"/node*/ctd/state/io.containerd.runtime.v2.task/*/*/address; do
    [[ -f $file ]] || continue
    id=$(<"$file")
    rm -f "${id#unix://}"
  done
  for file in /var/lib/cni/results/"$network"-*; do
    [[ -f $file ]] || continue
    id=$(grep -o '"containerId":"[^"]*"' "$file" | cut -d'"' -f4)
    rm -f /var/lib/cni/results/*"-$id-"*
  done
  find /var/log/containers -maxdepth 1 -lname "$dir/*" -delete 2>/dev/null || true
}

# remove_rules empties the node's chains, deletes the jumps to them, then the chains: one transaction for each table.
remove_rules() {
  local family
  for family in iptables ip6tables; do
    command -v "$family-save" >/dev/null || continue
    "$family-save" 2>/dev/null | awk '
      /^\*/ { print; chains = "" }
      /^:(KUBE|CNI)-/ { name = substr($1, 2); print ":" name " - [0:0]"; chains = chains "-X " name "\n" }
      /^-A/ && !/^-A (KUBE|CNI)-/ && / -j (KUBE|CNI)-/ { sub(/^-A/, "-D"); print }
      /^COMMIT/ { printf "%s", chains; print }' | "$family-restore" --noflush
  done
}

remove_bridges() {
  local n
  for ((n = most_nodes; n >= 1; n--)); do
    use_node "$n"
    [[ ! -e /sys/class/net/$bridge ]] || ip link delete "$bridge"
  done
}

# restore_host gives back what up.sh recorded before it changed anything.
restore_host() {
  local kind path value
  [[ -f $dir/host ]] || return 0
  rm -f /var/lib/kubelet/device-plugins/{kubelet.sock,DEPRECATION,kubelet_internal_checkpoint}
  while read -r kind path value; do
    case $kind in
    sysctl) echo "$value" >"$path" ;;
    made) [[ ! -d $path ]] || rmdir --ignore-fail-on-non-empty "$path" ;;
    esac
  done <"$dir/host"
}

main() {
  lock
  if [[ ! -d $dir && (! -e /sys/class/net/$bridge || -n $(foreign_owner)) ]]; then
    say "there is no local cluster in $cache"
    return
  fi
  stop_processes
  remove_traces
  remove_mounts
  remove_rules
  remove_bridges
  remove_cgroups
  restore_host
  rm -rf --one-file-system "$dir"
  rmdir --ignore-fail-on-non-empty "$cache/cluster" 2>/dev/null || true
  say "the local cluster is removed"
}

main "$@"
