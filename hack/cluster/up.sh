#!/usr/bin/env bash
# Starts a Kubernetes node on this machine, or repairs it, or finds that nothing is to be done.
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

# stamp changes with the scripts, the binaries and the boot: then the node is made anew.
stamp() { cat "$cluster_here"/{lib,host,pki,daemons,up}.sh "$cluster_here"/files/* "$k8s"/.*.key /proc/sys/kernel/random/boot_id | sha256sum; }

# write_config makes all of it or nothing, and only once: kube-proxy ends when its file is written again.
write_config() {
  local snapshotter runc templates=$cluster_here/files new=$dir/config.new
  [[ ! -d $dir/config ]] || return 0
  snapshotter=$(snapshotter) runc=$(command -v runc)
  mkdir -p "$new/cni"
  fill "$templates/containerd.toml" >"$new/containerd.toml"
  fill "$templates/bridge.conflist" >"$new/cni/10-bridge.conflist"
  fill "$templates/kubelet.yaml" >"$new/kubelet.yaml"
  fill "$templates/kube-proxy.yaml" >"$new/kube-proxy.yaml"
  mv "$new" "$dir/config"
}

load_base_images() {
  compile "$dir/images/pause" "$repo" ./hack/cluster/pause
  import_image "$dir/images/pause" "$image_host/pause:1"
  import_image "$coredns/coredns" "$image_host/coredns:$(basename "$coredns")"
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
healthy() { [[ -f $KUBECONFIG ]] && daemons_run && node_ready && dns_ready && kubelet_serves; } 2>/dev/null

wait_ready() {
  await 60 "the node" node_ready
  await 60 "the default ServiceAccount" kubectl get serviceaccount default
  await 120 "cluster DNS" dns_ready
  await 60 "the kubelet" kubelet_serves
}

bring_up() {
  mkdir -p "$dir"/{log,images}
  stamp >"$dir/stamp"
  remember_host
  prepare_network
  prepare_cgroup
  write_config
  make_pki
  start_node
  apply_addons
  wait_ready
}

main() {
  if [[ ${1:-} == attempt ]]; then
    bring_up
    return
  fi
  ((${#dir} <= 70)) || die "$dir is too long for Unix sockets in it: set OFFLINEPUSH_CACHE to a shorter directory"
  lock
  "$repo/hack/k8s/build.sh" cluster
  install_packages
  refuse_second_node
  if [[ -d $dir && $(cat "$dir/stamp" 2>/dev/null) != "$(stamp)" ]]; then
    say "removing what an older or interrupted run left"
    "$cluster_here/down.sh"
  fi
  # A child, because bash forgets -e inside a condition.
  healthy || "$0" attempt || { say "starting over" && "$cluster_here/down.sh" && "$0" attempt; }
  recycle_volumes
  say "the node is ready; to use it: eval \"\$($cluster_here/env.sh)\""
}

main "$@"
