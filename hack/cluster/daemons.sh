# shellcheck shell=bash disable=SC2154,SC2034  # Sourced by up.sh, down.sh and test.sh, after lib.sh.
# One function per daemon, in starting order. Each leaves a running daemon alone.

control_plane=(etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy)
node_daemons=(containerd kubelet)

# daemon DIRECTORY PROGRAM ARGUMENT...: starts it in its own session with its output in a file, unless the directory's runs.
daemon() {
  local where=$1 name
  shift
  name=$(basename "$1")
  [[ -z $(daemon_pid "$name" "$where") ]] || return 0
  say "starting $name of $(basename "$where")"
  setsid "$@" >>"$where/log/$name.log" 2>&1 </dev/null 8>&- &
  disown
}

start_containerd() {
  daemon "$home" containerd --config "$home/config/containerd.toml"
  await 120 containerd ctr --address "$socket" version
}

start_etcd() {
  # The data is for throwing away, so it need not survive a power cut.
  daemon "$dir" "$k8s/etcd" --name=node --data-dir="$dir/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 \
    --initial-cluster=node=http://127.0.0.1:2380 \
    --client-cert-auth --trusted-ca-file="$dir/pki/etcd-ca.crt" \
    --cert-file="$dir/pki/etcd.crt" --key-file="$dir/pki/etcd.key"
}

start_apiserver() {
  local pki=$dir/pki
  daemon "$dir" "$k8s/kube-apiserver" --bind-address="$api_host" --advertise-address="$api_host" --secure-port=6443 \
    --etcd-servers=https://127.0.0.1:2379 --etcd-cafile="$pki/etcd-ca.crt" \
    --etcd-certfile="$pki/etcd-client.crt" --etcd-keyfile="$pki/etcd-client.key" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --client-ca-file="$pki/ca.crt" --service-cluster-ip-range="$service_cidr" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --enable-aggregator-routing=true \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
}

start_controller_manager() {
  local config=$dir/pki/kcm.kubeconfig
  daemon "$dir" "$k8s/kube-controller-manager" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --service-account-private-key-file="$dir/pki/sa.key" \
    --root-ca-file="$dir/pki/ca.crt" --use-service-account-credentials=true --leader-elect=false \
    --bind-address=127.0.0.1 --kube-api-qps=200 --kube-api-burst=400 --horizontal-pod-autoscaler-sync-period=5s
}

start_scheduler() {
  local config=$dir/pki/scheduler.kubeconfig
  daemon "$dir" "$k8s/kube-scheduler" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --leader-elect=false --bind-address=127.0.0.1
}

start_kubelet() {
  daemon "$home" "$k8s/kubelet" --config="$home/config/kubelet.yaml" --kubeconfig="$dir/pki/kubelet-$node.kubeconfig" \
    --root-dir="$home/kubelet" --cert-dir="$home/kubelet/pki" --hostname-override="$node" --node-ip="$node_ip"
}

# start_proxy starts one for all nodes: they share the host's rules.
start_proxy() { daemon "$dir" "$k8s/kube-proxy" --config="$dir/kube-proxy.yaml"; }

# start_cluster starts what does not run, each after what it needs. Images load while the API server starts.
start_cluster() {
  start_etcd
  start_apiserver
  each_node start_containerd
  load_base_images
  await 300 "the API server" kubectl get --raw /readyz
  start_controller_manager
  start_scheduler
  each_node start_kubelet
  start_proxy
}

# daemons_run DIRECTORY PROGRAM...
daemons_run() {
  local where=$1 name
  shift
  for name in "$@"; do [[ -n $(daemon_pid "$name" "$where") ]] || return 1; done
}
