# Shell functions that quickstart, tests and CI share. Sourced, not run.

# What building and testing needs of Debian; the first list is enough to build and run.
BUILD_PACKAGES="gcc g++ make pkg-config libmicrohttpd-dev libgnutls28-dev libnghttp2-dev libsqlite3-dev libyaml-dev libseccomp-dev libre2-dev zlib1g-dev bash-static busybox-static libcurl3-gnutls ca-certificates"
TEST_PACKAGES="libcmocka-dev clang libclang-rt-14-dev etcd-server"

packages_missing() {
  local p
  for p in "$@"; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || printf '%s ' "$p"; done
}

# Installs what is missing as root; otherwise prints the one line to run, and fails.
packages_need() {
  local missing
  command -v dpkg-query >/dev/null || return 0 # not Debian: the Makefile's own checks will name what it lacks
  missing=$(packages_missing "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" = 0 ]; then
    echo "installing: $missing" >&2
    DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 && return 0
    echo "ERROR: apt-get could not install: $missing" >&2
    return 1
  fi
  echo "ERROR: packages are missing. Run this once, then try again:" >&2
  echo "  sudo apt-get install -y $missing" >&2
  return 1
}

packages_install() { packages_need $BUILD_PACKAGES $TEST_PACKAGES; }

# A kubectl to test with: one from PATH, or none.
kubectl_find() { command -v kubectl; }
