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

# go_tool PACKAGE@VERSION: builds a program as its authors pinned it, and prints where it is; prints why not and fails otherwise.
go_tool() {
  local package=$1 cache=${XDG_CACHE_HOME:-$HOME/.cache}/dralab/interop/${1##*@} log=$home/go_tool.build program
  program=${package%@*} program=$cache/${program##*/}
  [ -x "$program" ] && { echo "$program"; return; }
  command -v go >/dev/null || { echo "needs go"; return 1; }
  GOBIN=$cache timeout 900 nice go install "$package" >"$log" 2>&1 || { echo "$package does not build, or not in time: $(tail -n 1 "$log")"; return 1; }
  echo "$program"
}

# python_program NAME: a python that has what tests/interop/NAME/requirements.txt asks for; prints where it is, or why there is none.
# It is kept in the user's cache, and asks no registry when it has everything already.
python_program() {
  local name=$1 venv=${XDG_CACHE_HOME:-$HOME/.cache}/dralab/interop/$1 log=$home/$1.build
  command -v python3 >/dev/null || { echo "needs python3"; return 1; }
  if [ ! -x "$venv/bin/pip" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >"$log" 2>&1 || { echo "needs python3 with venv and pip: $(tail -n 1 "$log")"; return 1; }
  fi
  if ! "$venv/bin/pip" install -q --disable-pip-version-check -r "$top/tests/interop/$name/requirements.txt" >"$log" 2>&1; then
    echo "$(cat "$top/tests/interop/$name/requirements.txt") is out of reach: $(grep -m 1 ERROR "$log")"
    return 1
  fi
  echo "$venv/bin/python"
}

# pods_run: whether this machine can run pods; says why not, and fails, where it cannot.
pods_run() { "$dralab" doctor >"$home/doctor" 2>&1 || { grep '^✗' "$home/doctor" | tr '\n' ' '; return 1; }; }
