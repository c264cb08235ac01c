# Finds a JDK and Maven, or installs Debian's. To be sourced, after common.sh.

# Whether $1/bin/java and $1/bin/javac are of version 17 or later.
is_jdk_17() {
  [ -x "$1/bin/javac" ] || return 1
  local version
  version=$("$1/bin/java" -XshowSettings:properties -version 2>&1 |
    sed -n 's/^ *java.specification.version = //p') || return 1
  [[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge 17 ]
}

find_jdk() {
  local candidate on_path
  on_path=$(command -v javac || true)
  for candidate in "${JAVA_HOME:-}" \
    "${on_path:+$(dirname -- "$(dirname -- "$(readlink -f -- "${on_path:-/}")")")}" \
    /usr/lib/jvm/*; do
    if [ -n "$candidate" ] && is_jdk_17 "$candidate"; then
      export JAVA_HOME=$candidate
      return 0
    fi
  done
  return 1
}

find_maven() {
  command -v mvn >/dev/null || return 1
  local version
  version=$(mvn -v -B 2>/dev/null | sed -n 's/.*Apache Maven \([0-9]*\.[0-9]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '%s\n' 3.8 "$version" | sort -V | head -n 1)" = 3.8 ]
}

# The first of these JDKs that this release of Debian has.
jdk_package() {
  local package policy
  for package in openjdk-17-jdk-headless openjdk-21-jdk-headless openjdk-25-jdk-headless; do
    policy=$(apt-cache policy "$package" 2>/dev/null) || true # not piped: grep -q would end it with a signal
    if grep -q 'Candidate: [^(]' <<<"$policy"; then
      echo "$package"
      return
    fi
  done
  echo default-jdk-headless
}

# Sets JAVA_HOME. What is missing is installed, with the other packages that the command would be better with, where that needs
# no password; else one sentence names all of it.
require_tools() { # with-maven|without-maven package…
  local jdk=true maven=true needed packages=()
  find_jdk || jdk=false
  [ "$1" = without-maven ] || find_maven || maven=false
  shift
  case $jdk$maven in
    truetrue) return ;;
    falsetrue) needed='a JDK 17 or later' ;;
    truefalse) needed='Maven 3.8 or later' ;;
    *) needed='a JDK 17 or later and Maven 3.8 or later' ;;
  esac
  command -v apt-get >/dev/null ||
    fail "Atelier needs $needed. Install it with your system's package manager."
  is_root_or_sudo || {
    $jdk || packages+=(default-jdk-headless)
    $maven || packages+=(maven)
    fail "Atelier needs $needed. Install it with: $(install_command "${packages[@]}" "$@")"
  }
  update_packages || fail "Cannot install $needed."
  $jdk || packages+=("$(jdk_package)")
  $maven || packages+=(maven)
  bring_packages "${packages[@]}" "$@" || bring_packages "${packages[@]}" || fail "Cannot install $needed."
  find_jdk || fail "Atelier needs a JDK 17 or later; apt-get did not bring one."
}
