# What every scenario starts with: a home of its own, checks that count, and everything gone at the end. Sourced.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dralab=${DRALAB:-$top/build/dralab}
home=$(mktemp -d)
export DRALAB_HOME=$home/state KUBECONFIG=$home/kubeconfig
unset DRALAB_CLUSTER_NAME
cleanup() { "$dralab" delete clusters --all -q >/dev/null 2>&1; rm -rf "$home"; }
trap cleanup EXIT

ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; }
skip() { echo "skip $*"; }

# check NAME COMMAND...: the command succeeds.
check() {
  local name=$1 out; shift
  if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name"; echo "# $*"; sed 's/^/# /' <<<"$out" | tail -n 20; fi
}

# fails NAME TEXT COMMAND...: it fails with exit code 1, and says TEXT (a fixed string).
fails() {
  local name=$1 text=$2 out rc; shift 2
  out=$("$@" 2>&1); rc=$?
  if [ $rc = 1 ] && grep -qF -- "$text" <<<"$out"; then ok "$name"; else not_ok "$name (exit $rc, wanted 1 and '$text')"; echo "# $*"; sed 's/^/# /' <<<"$out" | tail -n 20; fi
}

# says NAME TEXT COMMAND...: it succeeds and its output holds TEXT.
says() {
  local name=$1 text=$2 out rc; shift 2
  out=$("$@" 2>&1); rc=$?
  if [ $rc = 0 ] && grep -qF -- "$text" <<<"$out"; then ok "$name"; else not_ok "$name (exit $rc, wanted '$text')"; echo "# $*"; sed 's/^/# /' <<<"$out" | tail -n 20; fi
}

# eventually NAME COMMAND...: it succeeds within some seconds (patience for a busy machine, not a measurement).
eventually() {
  local name=$1 out i; shift
  for i in $(seq 200); do out=$("$@" 2>&1) && { ok "$name"; return; }; sleep 0.1; done
  not_ok "$name"; echo "# $*"; sed 's/^/# /' <<<"$out" | tail -n 20
}

# says_eventually NAME TEXT COMMAND...
says_eventually() {
  local name=$1 text=$2 out i; shift 2
  for i in $(seq 200); do out=$("$@" 2>&1) && grep -qF -- "$text" <<<"$out" && { ok "$name"; return; }; sleep 0.1; done
  not_ok "$name (wanted '$text')"; echo "# $*"; sed 's/^/# /' <<<"$out" | tail -n 20
}

pid_of() { "$dralab" get clusters -o json | sed -n "/\"name\": \"$1\"/,/}/s/.*\"pid\": \([0-9]*\).*/\1/p"; }
