# shellcheck shell=bash disable=SC2154
# Makes local stand-ins, from Debian's packages, PyPI and Go's modules, for the base images that no registry gives. To be
# sourced by bench/drill/run, which sets home, work, cache and test_programs. They take the originals' names, so only an engine of the drill's own may hold them.

# What stands for an image, for the head of the table.
about_stand_in() {
  case $1 in
    maven:*) echo "Debian 12's Maven and JDK 17" ;;
    debian:*) echo 'Debian 12 of debootstrap' ;;
    postgres:*) echo "Debian's Postgres 18, an entrypoint of the drill's own" ;;
    versity/*) echo "VersityGW ${1##*:}, built from its source, on Debian" ;;
    temporalio/server:*) echo "Temporal's server ${1##*:} and its entrypoint, built from their source, on Debian" ;;
    temporalio/admin-tools:*) echo "Temporal's SQL tool and schema ${1##*:}, built from their source, and the CLI $temporal_version, on Debian" ;;
    temporalio/ui:* | grafana/*) echo 'nothing but an answer to the health check' ;;
    prom/prometheus:*) echo "Debian 12's Prometheus" ;;
  esac
}

make_stand_in() { # image
  local version=${1##*:} context=$work/stand-in source
  echo "== A stand-in for $1: $(about_stand_in "$1")" >&2
  rm -rf "$context" && mkdir -p "$context"
  cp "$home"/bench/drill/stand-ins/* "$context"
  case $1 in
    debian:*) import_debian "$1" bookworm ;;
    maven:*) build_stand_in "$1" maven ;;
    postgres:*)
      # Its version 18 came after Debian 12.
      docker image inspect atelier-drill/forky >/dev/null 2>&1 || import_debian atelier-drill/forky forky
      # As in the official images: the folder has the version from 18 on.
      case $version in
        1[0-7].*) build_stand_in "$1" postgres --build-arg PGDATA=/var/lib/postgresql/data ;;
        *) build_stand_in "$1" postgres --build-arg "PGDATA=/var/lib/postgresql/${version%%.*}/docker" ;;
      esac
      ;;
    versity/*)
      cp "$(go_program versitygw github.com/versity/versitygw/cmd/versitygw@"$version")" "$context/versitygw"
      build_stand_in "$1" versitygw
      ;;
    temporalio/server:*)
      source=$(temporal_source "$version")
      cp "$(go_program temporal-server go.temporal.io/server/cmd/server@v"$version")" "$context/temporal-server"
      cp "$source/docker/scripts/sh/entrypoint.sh" "$context/temporal-entrypoint"
      build_stand_in "$1" temporal-server
      ;;
    temporalio/admin-tools:*)
      source=$(temporal_source "$version")
      cp "$(go_program temporal-sql-tool go.temporal.io/server/cmd/tools/sql@v"$version")" "$context/temporal-sql-tool"
      find_temporal
      [ -n "$ATELIER_TEMPORAL" ] || fail "There is no temporal for the stand-in of $1."
      cp "$ATELIER_TEMPORAL" "$context/temporal"
      cp -r "$source/schema" "$context/schema"
      build_stand_in "$1" temporal-admin-tools
      ;;
    temporalio/ui:*) build_stand_in "$1" health --build-arg PORT=8080 --build-arg FILE=index.html ;;
    grafana/*) build_stand_in "$1" health --build-arg PORT=3000 --build-arg FILE=api/health ;;
    prom/prometheus:*) build_stand_in "$1" prometheus ;;
    *) fail "There is no stand-in for $1." ;;
  esac
  rm -rf "$context"
}

build_stand_in() { # image file arguments…
  local image=$1 file=$2
  shift 2
  DOCKER_BUILDKIT=1 docker build -q -t "$image" -f "$work/stand-in/$file.Dockerfile" "$@" "$work/stand-in" >"$work/stand-in.log" 2>&1 </dev/null ||
    { tail -n 20 "$work/stand-in.log" >&2 && fail "The stand-in for $image could not be built."; }
}

# Imports a bare release of Debian, which trusts whom this machine trusts and asks its mirror.
import_debian() { # image release
  local root=$work/root script=/usr/share/debootstrap/scripts/$2
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid # of releases that this debootstrap doesn't know
  rm -rf --one-file-system "$root"
  debootstrap --variant=minbase "$2" "$root" "$(debian_mirror)" "$script" >"$work/debootstrap.log" 2>&1 </dev/null ||
    { tail -n 5 "$work/debootstrap.log" >&2 && fail "debootstrap could not make Debian ($2)."; }
  mkdir -p "$root/usr/local/share/ca-certificates"
  cp -a /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  apt-config dump | grep '^Acquire::\(Check-\|http\|Retries\|AllowInsecure\)' >"$root/etc/apt/apt.conf.d/99machine" || true
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | docker import - "$1" >/dev/null
  rm -rf --one-file-system "$root"
}

# The mirror of Debian that this machine's apt asks.
debian_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' | sed -n '/^Debian /{s///p;q}'
}

# Prints the path of a program that is built from its source, once.
go_program() { # name module
  local folder
  folder=$(go_program_folder "$1" "$2")
  if [ ! -d "$folder" ]; then
    find_go || bring_go || fail "There is no Go 1.26 to build $1 with."
    CGO_ENABLED=0 build_go_program "$1" "$2" || fail "The stand-ins need $1."
  fi
  echo "$folder"/*
}

# Prints the folder of the source of Temporal's server.
temporal_source() { # version
  find_go || bring_go || fail "There is no Go 1.26 to fetch Temporal's source with."
  (cd "$work" && GOFLAGS=-modcacherw GOTOOLCHAIN=local "$go" mod download -json "go.temporal.io/server@v$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}
