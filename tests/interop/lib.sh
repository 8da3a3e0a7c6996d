# What interoperability tests share: a cluster's home (as in tests/e2e) and programs built from Go modules. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

# go_program NAME: builds tests/interop/NAME and prints where it is; prints why not and fails otherwise.
# What is built stays in the user's cache; Go's own caches make it cheap the next time.
go_program() {
  local name=$1 cache=${XDG_CACHE_HOME:-$HOME/.cache}/dralab/interop log
  command -v go >/dev/null || { echo "needs go"; return 1; }
  log=$home/$name.build
  if ! (cd "$top/tests/interop/$name" && go mod download) >"$log" 2>&1; then
    echo "go modules are out of reach: $(tail -n 1 "$log")"
    return 1
  fi
  mkdir -p "$cache"
  (cd "$top/tests/interop/$name" && go build -o "$cache/$name" .) >"$log" 2>&1 || { echo "does not build: $(tail -n 1 "$log")"; return 1; }
  echo "$cache/$name"
}
