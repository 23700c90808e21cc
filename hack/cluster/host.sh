# shellcheck shell=bash disable=SC2154,SC2034  # Sourced by up.sh, after lib.sh.
# What the nodes need of their host: packages, settings, a bridge and a control group each.

# install_packages looks for what is used, not for packages, so that other sources of them will do.
install_packages() {
  "$repo/hack/debian.sh" containerd=containerd runc=runc /usr/lib/cni/bridge=containernetworking-plugins \
    iptables=iptables ip=iproute2 openssl=openssl pgrep=procps \
    /etc/ssl/certs/ca-certificates.crt=ca-certificates
}

# remember_host records, once, what down.sh gives back.
remember_host() {
  local name path
  [[ ! -f $dir/host ]] || return 0
  modprobe -a br_netfilter overlay 2>/dev/null || true
  {
    for name in "${host_sysctls[@]}"; do
      path=/proc/sys/${name//.//}
      [[ ! -e $path ]] || echo "sysctl $path $(<"$path")"
    done
    for path in "${host_dirs[@]}"; do [[ -e $path ]] || echo "made $path"; done
  } >"$dir/host.new"
  mv "$dir/host.new" "$dir/host"
}

prepare_network() {
  ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
  # The alias tells another checkout's scripts whose bridge it is.
  ip link set "$bridge" alias "$dir"
  ip addr replace "$node_ip/24" dev "$bridge"
  ip link set "$bridge" up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  [[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] ||
    die "the kernel lacks br_netfilter, which Services need: load the module"
  echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
}

# prepare_cgroup makes the group that holds every pod of a node, with the controllers that the kubelet insists on.
prepare_cgroup() {
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    prepare_cgroup_v2
  else
    prepare_cgroup_v1
  fi
}

prepare_cgroup_v2() {
  local group controller
  mkdir -p "/sys/fs/cgroup/$cgroup"
  for group in . "$cgroups"; do
    for controller in cpu cpuset memory hugetlb pids; do
      # The kernel may lack one; the kubelet then does not ask for it.
      echo "+$controller" 2>/dev/null >"/sys/fs/cgroup/$group/cgroup.subtree_control" || true
    done
  done
}

# prepare_cgroup_v1 knows that each controller has its own tree.
prepare_cgroup_v1() {
  local tree group file
  for tree in /sys/fs/cgroup/*/; do
    [[ -e ${tree}cgroup.procs ]] || continue
    mkdir -p "$tree$cgroup"
  done
  for group in "$cgroups" "$cgroup"; do
    for file in cpuset.cpus cpuset.mems; do
      cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$group/$file"
    done
  done
}

refuse_second_cluster() {
  local owner
  owner=$(foreign_owner)
  [[ -z $owner ]] ||
    die "this machine's node belongs to $owner: remove it with OFFLINEPUSH_CACHE=${owner%/cluster/*} hack/cluster/down.sh"
}
