package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code docker-compose.yml}, checked as far as it can be without a container engine. */
class ComposeFileTest {

  private static final Schema SCHEMA =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
          .getSchema(composeSpecification());
  // ${NAME}, ${NAME:-default}, ${NAME:?message}; $$ is a dollar sign
  private static final Pattern VARIABLE =
      Pattern.compile("(?<!\\$)\\$\\{([A-Z0-9_]+)(:-[^}]*|:\\?[^}]*)?\\}");
  private static final Pattern SECRET =
      Pattern.compile(".*(PASSWORD|SECRET|ACCESS_KEY|PWD|BOOTSTRAP_TOKEN|METRICS_TOKEN).*");
  private static final Set<String> ONE_SHOT =
      Set.of("migrate", "s3-bucket", "temporal-schema", "temporal-namespace");

  @TempDir private Path folder;
  private String text;
  private JsonNode compose;

  @BeforeEach
  void read() throws IOException {
    text = DeployFiles.read("docker-compose.yml");
    compose = DeployFiles.documents(text).get(0);
  }

  @Test
  void shouldSatisfyTheComposeSpecification() {
    assertThat(SCHEMA.validate(compose)).isEmpty();
  }

  @Test
  void shouldBeRefusedByTheSpecificationWhenAFieldIsMisspelt() {
    ObjectNode api = (ObjectNode) compose.at("/services/api");
    api.set("healthchek", api.objectNode());
    assertThat(SCHEMA.validate(compose)).isNotEmpty();
  }

  @Test
  void shouldPinEveryImageAndBoundEveryServicesMemory() {
    services()
        .forEach(
            (name, service) -> {
              String image = resolve(service.path("image").asText());
              assertThat(image).as(name).matches(DeployFiles.PINNED);
              assertThat(service.at("/deploy/resources/limits/memory").asText())
                  .as("memory limit of " + name)
                  .isNotEmpty();
            });
    assertThat(List.of("postgres", "postgres:latest", "a/b", "host:5000/a"))
        .noneMatch(DeployFiles.PINNED);
  }

  @Test
  void shouldPublishPortsOnLoopbackUnlessToldOtherwise() {
    List<String> ports = new ArrayList<>();
    services()
        .values()
        .forEach(service -> service.path("ports").forEach(p -> ports.add(p.asText())));
    assertThat(ports).isNotEmpty().allMatch(port -> resolve(port).startsWith("127.0.0.1:"));
  }

  @Test
  void shouldRequireEachSecretAndGiveEachOtherVariableADefault() {
    Map<String, String> variables = new LinkedHashMap<>();
    for (MatchResult match : VARIABLE.matcher(text).results().toList()) {
      assertThat(match.group(2)).as(match.group()).isNotNull();
      variables.put(match.group(1), match.group(2));
    }
    variables.forEach(
        (name, rule) ->
            assertThat(rule.startsWith(":?"))
                .as("%s is %s", name, rule)
                .isEqualTo(SECRET.matcher(name).matches()));
    // Nor is a secret written out; one that is passed on stands in .env.
    services()
        .forEach(
            (service, definition) ->
                definition
                    .path("environment")
                    .properties()
                    .forEach(
                        entry -> {
                          if (SECRET.matcher(entry.getKey()).matches()
                              && !entry.getValue().isNull()) {
                            assertThat(entry.getValue().asText())
                                .as(service + "." + entry.getKey())
                                .startsWith("${");
                          }
                        }));
  }

  @Test
  void shouldListEachVariableInTheExampleAndFillInTheSecrets() throws Exception {
    Set<String> used = new TreeSet<>(passedOn());
    VARIABLE.matcher(text).results().forEach(match -> used.add(match.group(1)));
    String example = DeployFiles.read(".env.example");
    Set<String> listed = new TreeSet<>();
    Pattern.compile("(?m)^(?:# )?([A-Z0-9_]+)=")
        .matcher(example)
        .results()
        .forEach(m -> listed.add(m.group(1)));
    assertThat(listed).isEqualTo(used);

    Path script = folder.resolve("deploy/docker/make-env.sh");
    Files.createDirectories(script.getParent());
    Files.copy(DeployFiles.ROOT.resolve("deploy/docker/make-env.sh"), script);
    Files.writeString(folder.resolve(".env.example"), example);
    assertThat(run("sh", script.toString())).isZero();
    String made = Files.readString(folder.resolve(".env"));
    assertThat(made).doesNotContainPattern("(?m)^[A-Z0-9_]+=$");
    assertThat(made.lines().filter(line -> line.matches("[A-Z].*=.+")).distinct()).hasSize(7);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(".env"))))
        .isEqualTo("rw-------");
    assertThat(run("sh", script.toString())).as("it overwrites nothing").isNotZero();
    assertThat(folder.resolve(".env")).hasContent(made);
  }

  /**
   * Compose gives a variable without a value the one of {@code .env}, and leaves it out where that
   * has none.
   */
  @Test
  void shouldPassOnWhatTheDocsName() {
    assertThat(passedOn())
        .containsExactlyInAnyOrder(
            "ATELIER_AUTH_OIDC_AUDIENCE",
            "ATELIER_AUTH_OIDC_CLIENT_ID",
            "ATELIER_AUTH_OIDC_CLIENT_SECRET",
            "ATELIER_AUTH_OIDC_HTTPS",
            "ATELIER_AUTH_OIDC_ISSUER",
            "ATELIER_AUTH_OIDC_PROJECTS_CLAIM",
            "ATELIER_AUTH_OIDC_PROVIDER_NAME",
            "ATELIER_AUTH_OIDC_ROLE_PREFIX",
            "ATELIER_AUTH_OIDC_SCOPES",
            "ATELIER_AUTH_OIDC_SESSION",
            "ATELIER_AUTH_OIDC_STATE_SECRET",
            "ATELIER_AUTH_OIDC_TOKEN_DAYS",
            "ATELIER_COSTS_CPU_HOUR",
            "ATELIER_COSTS_CURRENCY",
            "ATELIER_COSTS_GIB_MONTH",
            "ATELIER_COSTS_GPU_HOUR",
            "ATELIER_MAIL_FROM",
            "ATELIER_MAIL_HOST",
            "ATELIER_MAIL_PORT",
            "ATELIER_MAIL_SECURITY",
            "ATELIER_MAIL_USER",
            "ATELIER_S3_PUBLIC_ENDPOINT",
            "ATELIER_SOURCES_HOSTS",
            "ATELIER_TEMPORAL_CODEC_KEYS_FILE",
            "ATELIER_TEMPORAL_CODEC_ORIGINS",
            "ATELIER_TRACES_ENDPOINT",
            "ATELIER_WEBHOOKS_DASHBOARD",
            "TEMPORAL_CODEC_ENDPOINT");
    for (String name : List.of("api", "worker-light", "worker-cpu", "worker-gpu")) {
      assertThat(environment(name))
          .as(name)
          .contains(
              "ATELIER_SOURCES_HOSTS",
              "ATELIER_TRACES_ENDPOINT",
              "ATELIER_MAIL_HOST",
              "ATELIER_LOG_FORMAT",
              "ATELIER_TEMPORAL_CODEC_KEYS_FILE");
      assertThat(services().get(name).path("volumes"))
          .as(name)
          .extracting(JsonNode::asText)
          .contains("./deploy/keys:/keys:ro");
    }
  }

  private Set<String> passedOn() {
    Set<String> names = new TreeSet<>();
    services()
        .values()
        .forEach(
            service ->
                service
                    .path("environment")
                    .properties()
                    .forEach(
                        entry -> {
                          if (entry.getValue().isNull()) {
                            names.add(entry.getKey());
                          }
                        }));
    return names;
  }

  /** Scaled workers would share one name; without one each has its container's. */
  @Test
  void shouldNameNoWorkerThatMayBeScaled() {
    for (String name : List.of("worker-light", "worker-cpu", "worker-gpu")) {
      assertThat(environment(name)).as(name).doesNotContain("ATELIER_WORKER_NAME");
    }
  }

  @Test
  void shouldGiveEachServerTwoMinutesToStart() {
    services()
        .forEach(
            (name, service) -> {
              if (service.has("healthcheck")) {
                assertThat(service.at("/healthcheck/start_period").asText())
                    .as(name)
                    .isEqualTo("120s");
              }
            });
  }

  @Test
  void shouldDependOnlyOnServicesThatExistInAStateThatTheyReach() {
    Map<String, JsonNode> services = services();
    services.forEach(
        (name, service) ->
            service
                .path("depends_on")
                .properties()
                .forEach(
                    entry -> {
                      JsonNode other = services.get(entry.getKey());
                      assertThat(other).as("%s depends on %s", name, entry.getKey()).isNotNull();
                      String condition = entry.getValue().path("condition").asText();
                      assertThat(condition.equals("service_completed_successfully"))
                          .as("%s waits for %s", name, entry.getKey())
                          .isEqualTo(ONE_SHOT.contains(entry.getKey()));
                      if (condition.equals("service_healthy")) {
                        assertThat(other.has("healthcheck")).as(entry.getKey()).isTrue();
                      }
                    }));
  }

  @Test
  void shouldRestartServersForEverAndOneShotsOnlyWhenTheyFail() {
    services()
        .forEach(
            (name, service) ->
                assertThat(service.path("restart").asText())
                    .as(name)
                    .startsWith(ONE_SHOT.contains(name) ? "on-failure" : "unless-stopped"));
  }

  @Test
  void shouldSetOnlyVariablesThatTheProgramsRead() throws IOException {
    Set<String> api = KnownVariables.ofApi();
    Set<String> worker = KnownVariables.ofWorker();
    assertThat(api).contains("ATELIER_S3_ENDPOINT").doesNotContain("ATELIER_S3_ENDPIONT");
    assertThat(worker).contains("ATELIER_WORKER_CACHE_DIR");
    for (String name : List.of("api", "migrate")) {
      assertThat(environment(name)).as(name).isSubsetOf(api);
    }
    for (String name : List.of("worker-light", "worker-cpu", "worker-gpu")) {
      assertThat(environment(name)).as(name).isSubsetOf(worker);
    }
  }

  @Test
  void shouldKeepTheOpenerFromCredentialsAndFromEveryNetworkButTheWorkers() {
    JsonNode opener = services().get("opener");
    assertThat(opener.has("environment")).isFalse();
    assertThat(opener.path("networks")).extracting(JsonNode::asText).containsExactly("opener");
    JsonNode network = compose.at("/networks/opener");
    assertThat(network.path("internal").asBoolean()).isTrue();
    assertThat(network.path("driver_opts").path("com.docker.network.bridge.inhibit_ipv4").asText())
        .isEqualTo("true");
    assertThat(opener.at("/deploy/resources/limits/pids").asInt()).isPositive();
    assertThat(opener.path("read_only").asBoolean()).isTrue();
    for (String name : List.of("worker-light", "worker-cpu", "worker-gpu")) {
      JsonNode worker = services().get(name);
      assertThat(worker.path("networks")).extracting(JsonNode::asText).contains("opener");
      assertThat(worker.at("/environment/ATELIER_OPENER_ADDRESS").asText())
          .isEqualTo("opener:" + opener.path("command").path(1).asText());
    }
  }

  /** Docker mounts memory noexec unless told; libwebp is loaded from there. */
  @Test
  void shouldLetWorkersExecuteWhatTheyUnpackIntoTheirTemporaryFolder() {
    for (String name : List.of("worker-light", "worker-cpu", "worker-gpu")) {
      assertThat(services().get(name).path("tmpfs"))
          .as(name)
          .extracting(JsonNode::asText)
          .containsExactly("/tmp:exec");
    }
  }

  @Test
  void shouldGiveWorkersTheTimeThatTheirDrainTakes() throws Exception {
    for (String name : List.of("worker-light", "worker-cpu", "worker-gpu")) {
      JsonNode worker = services().get(name);
      assertThat(worker.path("stop_grace_period").asText())
          .isEqualTo("%ds", KnownVariables.graceOfWorker().toSeconds());
      assertThat(worker.path("environment").has("ATELIER_WORKER_DRAIN_TIMEOUT")).isFalse();
    }
  }

  @Test
  void shouldMountOnlyWhatIsInTheSourceTreeAndDeclaredVolumes() {
    services()
        .forEach(
            (name, service) ->
                service
                    .path("volumes")
                    .forEach(
                        volume -> {
                          String source = volume.asText().split(":", -1)[0];
                          if (source.startsWith("./")) {
                            assertThat(DeployFiles.ROOT.resolve(source)).as(name).exists();
                          } else {
                            assertThat(compose.path("volumes").has(source)).as(source).isTrue();
                          }
                        }));
  }

  private Set<String> environment(String service) {
    Set<String> names = new TreeSet<>();
    services().get(service).path("environment").fieldNames().forEachRemaining(names::add);
    assertThat(names).isNotEmpty();
    return names;
  }

  private Map<String, JsonNode> services() {
    Map<String, JsonNode> services = new LinkedHashMap<>();
    compose.path("services").properties().forEach(e -> services.put(e.getKey(), e.getValue()));
    assertThat(services).isNotEmpty();
    return services;
  }

  private static JsonNode composeSpecification() {
    ObjectNode specification = (ObjectNode) DeployFiles.schema("compose-spec.json");
    return specification.without("$id"); // which isn't the absolute address that it should be
  }

  /** As Compose does with nothing set. */
  private static String resolve(String value) {
    return VARIABLE
        .matcher(value)
        .replaceAll(
            m -> m.group(2) != null && m.group(2).startsWith(":-") ? m.group(2).substring(2) : "");
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }
}
