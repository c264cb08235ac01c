#!/usr/bin/env bash
# Lays out what the images hold, from a built source tree: assemble.sh SOURCE TARGET.
set -euo pipefail

source=$1 target=$2
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# With these an experiment went from launch to publication; among them what programs load by name:
# elliptic curves for TLS, the zip file system, DNS. jcmd is for the operator.
modules=java.base,java.compiler,java.desktop,java.instrument,java.management,java.naming,java.net.http,java.rmi
modules+=,java.scripting,java.security.jgss,java.security.sasl,java.sql,java.sql.rowset,java.transaction.xa,java.xml
modules+=,jdk.attach,jdk.crypto.ec,jdk.jcmd,jdk.httpserver,jdk.jfr,jdk.localedata,jdk.management,jdk.naming.dns,jdk.net
modules+=,jdk.security.auth,jdk.unsupported,jdk.zipfs

mkdir -p "$target/api" "$target/cli" "$target/worker/lib" "$target/libtorch-cpu"
jlink --add-modules "$modules" --include-locales en --strip-java-debug-attributes --no-man-pages \
  --no-header-files --compress=2 --output "$target/jre"

cp -r "$source"/api/target/quarkus-app/{lib,quarkus,app,quarkus-run.jar} "$target/api/"
! find "$target/api" -name '*djl*' -o -name '*torch*' | grep . ||
  { echo "The api must not carry libtorch." >&2; exit 1; }

cp "$source/deploy/cli/target/atelier.jar" "$target/cli/"

cp "$source"/activities/target/atelier-activities-*.jar "$target/worker/atelier-activities.jar"
cp "$source"/activities/target/lib/*.jar "$target/worker/lib/"
# Bills of materials, of a tree that was built with -Psbom.
for program in api:api activities:worker; do
  bom=$source/${program%:*}/target/bom.json
  [ ! -f "$bom" ] || cp "$bom" "$target/${program#*:}/"
done
# libtorch lies beside the program instead of in a jar that each start would unpack.
native=$(cd "$target/worker/lib" && echo pytorch-native-cpu-*.jar)
(cd "$target/libtorch-cpu" && jar xf "$target/worker/lib/$native" pytorch)
mv "$target"/libtorch-cpu/pytorch/cpu/linux-*/*.so* "$target/libtorch-cpu/"
rm -r "$target/libtorch-cpu/pytorch" "$target/worker/lib/$native"

cp "$source/LICENSE" "$source/NOTICE" "$target/"
install -m 755 "$here/healthy" "$target/healthy"
