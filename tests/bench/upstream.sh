# Upstream's control plane over an empty store, on loopback, for tests/bench/run. Sourced; $scratch is the caller's.
upstream_bin=${DRALAB_UPSTREAM:-${XDG_CACHE_HOME:-$HOME/.cache}/dralab-upstream/v1.37.2/bin}
upstream_port=${DRALAB_BENCH_PORT:-27443} upstream_token=benchtoken upstream_pids=
upstream_etcd=$(PATH=$upstream_bin:$PATH command -v etcd || true)

upstream_here() {
  local p
  [ "${DRALAB_BENCH_UPSTREAM:-yes}" != no ] && [ -n "$upstream_etcd" ] || return 1
  for p in kube-apiserver kube-scheduler kube-controller-manager; do [ -x "$upstream_bin/$p" ] || return 1; done
  for p in openssl curl; do command -v $p >/dev/null || return 1; done
}
upstream_run() { # NAME COMMAND...
  local name=$1; shift
  "$@" >"$scratch/upstream-$name.log" 2>&1 & upstream_pids="${upstream_pids:+$upstream_pids }$!"
}
upstream_until_ok() { # URL: until it says ok; fails when a process has gone
  local p
  until [ "$(curl -sk -m 2 -H "Authorization: Bearer $upstream_token" "$1" 2>/dev/null)" = ok ]; do
    for p in $upstream_pids; do [ -e "/proc/$p" ] || { echo "ERROR: upstream ended:" >&2; tail -n 3 "$scratch"/upstream-*.log >&2; return 1; }; done
    sleep 0.02
  done
}
# etcd and kube-apiserver, until ready.
upstream_start() {
  local d=$scratch/upstream peer=$((upstream_port + 4)) client=$((upstream_port + 1))
  rm -rf "$d"; mkdir "$d"
  openssl genrsa -out "$d/sa.key" 2048 2>/dev/null; openssl rsa -in "$d/sa.key" -pubout -out "$d/sa.pub" 2>/dev/null
  echo "$upstream_token,admin,uid-admin,\"system:masters\"" >"$d/tokens.csv"
  upstream_run etcd "$upstream_etcd" --data-dir "$d/etcd" --listen-client-urls "http://127.0.0.1:$client" \
    --advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
    --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer"
  upstream_run kube-apiserver "$upstream_bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$client" --bind-address=127.0.0.1 \
    --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --secure-port="$upstream_port" --cert-dir="$d/certs" \
    --service-cluster-ip-range=10.0.0.0/24 --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$d/sa.pub" --service-account-signing-key-file="$d/sa.key" --token-auth-file="$d/tokens.csv" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction
  upstream_until_ok "https://127.0.0.1:$upstream_port/readyz"
}
# Scheduler and controllers, with client limits that do not limit.
upstream_start_rest() {
  local d=$scratch/upstream c p
  printf '%s\n' 'apiVersion: v1' 'kind: Config' "clusters: [{name: u, cluster: {server: \"https://127.0.0.1:$upstream_port\", insecure-skip-tls-verify: true}}]" \
    "users: [{name: u, user: {token: $upstream_token}}]" 'contexts: [{name: u, context: {cluster: u, user: u}}]' 'current-context: u' >"$d/kubeconfig"
  c=(--kubeconfig="$d/kubeconfig" --authentication-kubeconfig="$d/kubeconfig" --authorization-kubeconfig="$d/kubeconfig"
    --bind-address=127.0.0.1 --cert-dir="$d/certs" --leader-elect=false --kube-api-qps=5000 --kube-api-burst=5000)
  upstream_run kube-controller-manager "$upstream_bin/kube-controller-manager" "${c[@]}" --secure-port=$((upstream_port + 2)) \
    --service-account-private-key-file="$d/sa.key" --controllers='*,-node-lifecycle-controller'
  upstream_run kube-scheduler "$upstream_bin/kube-scheduler" "${c[@]}" --secure-port=$((upstream_port + 3))
  for p in 2 3; do upstream_until_ok "https://127.0.0.1:$((upstream_port + p))/healthz"; done
}
# By force: nothing of it is kept, and an API server whose etcd has gone takes a minute to end by itself.
upstream_stop() {
  local p
  for p in $upstream_pids; do disown "$p" 2>/dev/null; kill -9 "$p" 2>/dev/null || true; done
  for p in $upstream_pids; do while [ -e "/proc/$p" ]; do sleep 0.02; done; done
  upstream_pids=
}
