#!/usr/bin/env bash
# Starts a Kubernetes cluster on this machine, or repairs it, or finds that nothing is to be done: up.sh [NODES]
# It has one node unless it is told two; one that is there stays.
# shellcheck disable=SC2034  # The templates use variables that nothing else does.
# shellcheck source=hack/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=hack/cluster/host.sh
source "$cluster_here/host.sh"
# shellcheck source=hack/cluster/images.sh
source "$cluster_here/images.sh"
# shellcheck source=hack/cluster/pki.sh
source "$cluster_here/pki.sh"
# shellcheck source=hack/cluster/daemons.sh
source "$cluster_here/daemons.sh"

# stamp changes with the scripts, the binaries and the boot: then the cluster is made anew.
stamp() { cat "$cluster_here"/{lib,host,pki,daemons,up}.sh "$cluster_here"/files/* "$k8s"/.*.key /proc/sys/kernel/random/boot_id | sha256sum; }

# write_config makes all of a node's or nothing, and only once.
write_config() {
  local snapshotter runc templates=$cluster_here/files new=$home/config.new
  [[ ! -d $home/config ]] || return 0
  snapshotter=$(snapshotter) runc=$(command -v runc)
  mkdir -p "$new/cni"
  fill "$templates/containerd.toml" >"$new/containerd.toml"
  fill "$templates/bridge.conflist" >"$new/cni/10-bridge.conflist"
  fill "$templates/kubelet.yaml" >"$new/kubelet.yaml"
  mv "$new" "$home/config"
}

# write_proxy_config knows that kube-proxy ends when its file is written again.
write_proxy_config() {
  [[ ! -f $dir/kube-proxy.yaml ]] || return 0
  fill "$cluster_here/files/kube-proxy.yaml" >"$dir/kube-proxy.new"
  mv "$dir/kube-proxy.new" "$dir/kube-proxy.yaml"
}

load_base_images() {
  compile "$dir/images/pause" "$repo" ./hack/cluster/pause
  each_node import_image "$dir/images/pause" "$image_host/pause:1"
  each_node import_image "$coredns/coredns" "$image_host/coredns:$(basename "$coredns")"
}

volumes() {
  local n
  for n in 1 2 3 4 5 6; do echo "local-$n ReadWriteOnce"; done
  for n in 1 2 3 4; do echo "local-pod-$n ReadWriteOncePod"; done
}

apply_addons() {
  local volume mode coredns_version
  coredns_version=$(basename "$coredns")
  {
    fill "$cluster_here/files/dns.yaml"
    echo ---
    cat "$cluster_here/files/storageclass.yaml"
    while read -r volume mode; do
      mkdir -p "$dir/volumes/$volume"
      echo ---
      fill "$cluster_here/files/volume.yaml"
    done < <(volumes)
  } | kubectl apply --server-side --force-conflicts -f - >/dev/null
}

# recycle_volumes empties the volumes that no claim holds any more, and offers them again.
recycle_volumes() {
  local volume
  for volume in $(kubectl get pv -o 'jsonpath={range .items[?(@.status.phase=="Released")]}{.metadata.name}{"\n"}{end}'); do
    rm -rf "$dir/volumes/$volume"
    mkdir "$dir/volumes/$volume"
    kubectl patch pv "$volume" --type=json -p '[{"op": "remove", "path": "/spec/claimRef"}]' >/dev/null
    say "emptied volume $volume"
  done
}

node_ready() { [[ $(kubectl get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]; }
dns_ready() { [[ $(kubectl -n kube-system get deployment coredns -o 'jsonpath={.status.availableReplicas}') == 1 ]]; }
# kubelet_serves also says that a restarted kubelet knows its pods again.
kubelet_serves() { kubectl -n kube-system logs deployment/coredns --tail=1; } >/dev/null
node_healthy() { daemons_run "$home" "${node_daemons[@]}" && node_ready; }
# healthy NODES
healthy() {
  [[ -f $KUBECONFIG && -d $dir/node$1 ]] && daemons_run "$dir" "${control_plane[@]}" && every_node node_healthy && dns_ready && kubelet_serves
} 2>/dev/null

# wait_ready's limits only end a hang: a busy machine takes its time.
wait_ready() {
  each_node await 300 "a node" node_ready
  await 300 "the default ServiceAccount" kubectl get serviceaccount default
  await 300 "cluster DNS" dns_ready
  await 300 "the kubelet" kubelet_serves
}

# prepare_node makes what is a node's own.
prepare_node() {
  mkdir -p "$home/log"
  prepare_network
  prepare_cgroup
  write_config
}

# bring_up NODES
bring_up() {
  local n
  mkdir -p "$dir"/{log,images}
  stamp >"$dir/stamp"
  remember_host
  for ((n = 1; n <= $1; n++)); do mkdir -p "$dir/node$n"; done
  each_node prepare_node
  write_proxy_config
  make_pki
  start_cluster
  apply_addons
  wait_ready
}

main() {
  local wanted=${1:-1}
  if [[ $wanted == attempt ]]; then
    bring_up "$2"
    return
  fi
  [[ $wanted =~ ^[0-9]+$ ]] && ((wanted >= 1 && wanted <= most_nodes)) || die "NODES is 1 to $most_nodes, not $wanted"
  ((${#dir} <= 64)) || die "$dir is too long for Unix sockets in it: set OFFLINEPUSH_CACHE to a shorter directory"
  lock
  "$repo/hack/k8s/build.sh" cluster
  install_packages
  refuse_second_cluster
  if [[ -d $dir && $(cat "$dir/stamp" 2>/dev/null) != "$(stamp)" ]]; then
    say "removing what an older or interrupted run left"
    "$cluster_here/down.sh"
  fi
  # A child, because bash forgets -e inside a condition.
  healthy "$wanted" || "$0" attempt "$wanted" || { say "starting over" && "$cluster_here/down.sh" && "$0" attempt "$wanted"; }
  recycle_volumes
  say "the cluster is ready; to use it: eval \"\$($cluster_here/env.sh)\""
}

main "$@"
