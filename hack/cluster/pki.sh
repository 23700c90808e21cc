# shellcheck shell=bash disable=SC2154,SC2034  # Sourced by up.sh, after lib.sh.
# Certificates, keys and kubeconfigs. The subjects are the ones that Kubernetes' built-in RBAC knows.

make_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# make_cert CA NAME SUBJECT USAGE [SAN]
make_cert() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" -keyout "$2.key" 2>/dev/null |
    openssl x509 -req -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -days 3650 -out "$2.crt" \
      -extfile <(echo "extendedKeyUsage=$4" && [[ -z ${5:-} ]] || echo "subjectAltName=$5") 2>/dev/null
}

# make_kubeconfig NAME: a client of the API server with everything inside.
make_kubeconfig() {
  cat >"$1.kubeconfig" <<TEXT
apiVersion: v1
kind: Config
current-context: offlinepush
clusters:
- name: offlinepush
  cluster: {server: "https://$api_host:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
contexts:
- name: offlinepush
  context: {cluster: offlinepush, user: $1}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
TEXT
}

make_pki_here() {
  local api_names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  local system=/CN=system:
  make_ca ca
  make_ca etcd-ca
  make_ca front-proxy-ca
  make_cert etcd-ca etcd /CN=etcd serverAuth,clientAuth IP:127.0.0.1
  make_cert etcd-ca etcd-client /CN=kube-apiserver clientAuth
  make_cert ca apiserver /CN=kube-apiserver serverAuth "$api_names,IP:$api_ip,IP:$api_host,IP:127.0.0.1"
  make_cert ca apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  make_cert front-proxy-ca front-proxy /CN=front-proxy-client clientAuth
  make_cert ca metrics-server /CN=metrics-server serverAuth DNS:metrics-server.kube-system.svc
  make_cert ca admin /O=system:masters/CN=admin clientAuth
  make_cert ca kcm "${system}kube-controller-manager" clientAuth
  make_cert ca scheduler "${system}kube-scheduler" clientAuth
  make_cert ca proxy "${system}kube-proxy" clientAuth
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out sa.key 2>/dev/null
  openssl pkey -in sa.key -pubout -out sa.pub
  local client n
  for client in admin kcm scheduler proxy; do make_kubeconfig "$client"; done
  for ((n = 1; n <= most_nodes; n++)); do
    use_node "$n"
    make_cert ca "kubelet-$node" "/O=system:nodes/CN=system:node:$node" serverAuth,clientAuth "DNS:$node,IP:$node_ip"
    make_kubeconfig "kubelet-$node"
  done
}

# make_pki makes all of it or nothing, also for nodes that may come.
make_pki() {
  [[ ! -d $dir/pki ]] || return 0
  rm -rf "$dir/pki.new"
  mkdir -m 0700 "$dir/pki.new"
  (umask 077 && cd "$dir/pki.new" && make_pki_here)
  mv "$dir/pki.new" "$dir/pki"
  cp "$dir/pki/admin.kubeconfig" "$KUBECONFIG"
}
