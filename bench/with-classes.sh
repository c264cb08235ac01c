# Sourced by programs that run a class of deploy/local's tests against real servers.
#
#   run_class CLASS [ARGUMENT…]      # from the project's folder; builds, and becomes that program

run_class() {
  local home=$PWD classpath=$PWD/deploy/local/target/bench-classpath.txt part
  for part in common temporal; do
    # shellcheck source=/dev/null
    . "deploy/setup/$part.sh"
  done
  choose_cache
  find_temporal
  export ATELIER_TEMPORAL
  mvn -q -B -ntp -pl workflows,store,migrations,activities,api,deploy/cli,deploy/local -DskipTests -Dspotless.check.skip \
    package dependency:build-classpath -Dmdep.outputFile="$classpath" -Dmdep.includeScope=test
  exec java -Xmx"${HEAP:-256m}" -XX:+UseSerialGC -Dai.djl.offline=true -Datelier.home="$home" \
    -Dlogback.configurationFile=logback-cli.xml \
    -cp "deploy/local/target/test-classes:deploy/local/target/classes:$(cat "$classpath")" "$@"
}
