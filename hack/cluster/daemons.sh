# shellcheck shell=bash disable=SC2154,SC2034  # Sourced by up.sh, after lib.sh.
# One function per daemon, in starting order. Each leaves a running daemon alone.

daemons=(containerd etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)

# daemon PROGRAM ARGUMENT...: starts it in its own session with its output in a file.
daemon() {
  local name
  name=$(basename "$1")
  [[ -z $(daemon_pid "$name") ]] || return 0
  say "starting $name"
  setsid "$@" >>"$dir/log/$name.log" 2>&1 </dev/null 8>&- &
  disown
}

start_containerd() { daemon containerd --config "$dir/config/containerd.toml"; }

start_etcd() {
  # The data is for throwing away, so it need not survive a power cut.
  daemon "$k8s/etcd" --name=node --data-dir="$dir/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 \
    --initial-cluster=node=http://127.0.0.1:2380 \
    --client-cert-auth --trusted-ca-file="$dir/pki/etcd-ca.crt" \
    --cert-file="$dir/pki/etcd.crt" --key-file="$dir/pki/etcd.key"
}

start_apiserver() {
  local pki=$dir/pki
  daemon "$k8s/kube-apiserver" --bind-address="$node_ip" --advertise-address="$node_ip" --secure-port=6443 \
    --etcd-servers=https://127.0.0.1:2379 --etcd-cafile="$pki/etcd-ca.crt" \
    --etcd-certfile="$pki/etcd-client.crt" --etcd-keyfile="$pki/etcd-client.key" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --client-ca-file="$pki/ca.crt" --service-cluster-ip-range="$service_cidr" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP
}

start_controller_manager() {
  local config=$dir/pki/kcm.kubeconfig
  daemon "$k8s/kube-controller-manager" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --service-account-private-key-file="$dir/pki/sa.key" \
    --root-ca-file="$dir/pki/ca.crt" --use-service-account-credentials=true --leader-elect=false \
    --bind-address=127.0.0.1 --kube-api-qps=200 --kube-api-burst=400
}

start_scheduler() {
  local config=$dir/pki/scheduler.kubeconfig
  daemon "$k8s/kube-scheduler" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --leader-elect=false --bind-address=127.0.0.1
}

start_kubelet() {
  daemon "$k8s/kubelet" --config="$dir/config/kubelet.yaml" --kubeconfig="$dir/pki/kubelet.kubeconfig" \
    --root-dir="$dir/kubelet" --cert-dir="$dir/kubelet/pki" --hostname-override="$node" --node-ip="$node_ip"
}

start_proxy() { daemon "$k8s/kube-proxy" --config="$dir/config/kube-proxy.yaml"; }

# start_node starts what does not run, each after what it needs. Images load while the API server starts.
start_node() {
  start_containerd
  start_etcd
  start_apiserver
  await 30 containerd ctr --address "$socket" version
  load_base_images
  await 60 "the API server" kubectl get --raw /readyz
  start_controller_manager
  start_scheduler
  start_kubelet
  start_proxy
}

daemons_run() {
  local name
  for name in "${daemons[@]}"; do [[ -n $(daemon_pid "$name") ]] || return 1; done
}
