package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.TaskQueues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each overlay as Kustomize renders it. */
@RequiresProgram("kustomize")
class KubernetesOverlaysTest {

  private static final Set<String> SECRET_KEYS =
      Set.of(
          "database-user",
          "database-password",
          "s3-access-key",
          "s3-secret-key",
          "bootstrap-token",
          "oidc-client-secret",
          "oidc-state-secret");

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"local", "cpu", "gpu", "production"})
  void shouldSatisfyTheSchemasAndHoldTogether(String overlay) throws Exception {
    List<JsonNode> resources = render(overlay);
    KubernetesSchema schema = new KubernetesSchema();
    assertThat(resources.stream().flatMap(resource -> schema.faults(resource).stream())).isEmpty();

    Set<String> names =
        resources.stream().map(KubernetesOverlaysTest::id).collect(Collectors.toSet());
    for (JsonNode owner : resources) {
      podTemplate(owner)
          .ifPresent(
              pod -> {
                checkPod(owner, pod);
                checkReferences(owner, pod, names, overlay.equals("local"));
              });
    }
    for (JsonNode resource : resources) {
      if (List.of("Service", "PodDisruptionBudget").contains(resource.path("kind").asText())) {
        JsonNode selector = resource.at("/spec/selector");
        JsonNode labels = selector.has("matchLabels") ? selector.path("matchLabels") : selector;
        assertThat(resources)
            .as(id(resource) + " selects pods")
            .anyMatch(owner -> podTemplate(owner).filter(pod -> selects(labels, pod)).isPresent());
      }
    }
    // What isn't allowed by another policy is denied.
    assertThat(resources)
        .anyMatch(
            resource ->
                resource.path("kind").asText().equals("NetworkPolicy")
                    && resource.at("/spec/podSelector").isEmpty()
                    && resource.at("/spec/policyTypes").size() == 2
                    && !resource.at("/spec").has("ingress")
                    && !resource.at("/spec").has("egress"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"local", "cpu", "gpu", "production"})
  void shouldSetOnlyVariablesThatTheProgramsReadAndAllThatTheyNeed(String overlay)
      throws Exception {
    List<JsonNode> resources = render(overlay);
    Set<String> seen = new TreeSet<>();
    for (JsonNode owner : resources) {
      Optional<JsonNode> pod = podTemplate(owner);
      String image = pod.map(p -> p.at("/spec/containers/0/image").asText()).orElse("");
      if (!image.contains("atelier/")) {
        continue;
      }
      boolean worker = image.contains("/worker-");
      Set<String> variables = environment(pod.orElseThrow(), resources);
      if (owner.at("/metadata/name").asText().equals("opener")) {
        assertThat(variables).as("what opens users' files has no credentials").isEmpty();
        continue;
      }
      seen.add(worker ? "worker" : "api");
      assertThat(variables)
          .as(id(owner))
          .isSubsetOf(worker ? KnownVariables.ofWorker() : KnownVariables.ofApi());
      if (worker) {
        assertThat(variables)
            .contains(
                "ATELIER_TEMPORAL_TARGET",
                "ATELIER_S3_ENDPOINT",
                "ATELIER_S3_ACCESS_KEY",
                "ATELIER_S3_SECRET_KEY",
                "ATELIER_DATABASE_URL",
                "ATELIER_DATABASE_USER",
                "ATELIER_DATABASE_PASSWORD",
                "ATELIER_WORKER_CACHE_DIR");
      }
    }
    assertThat(seen).containsExactly("api", "worker");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "production"})
  void shouldGiveWorkersTheTimeThatTheirDrainTakes(String overlay) throws Exception {
    int workers = 0;
    for (JsonNode owner : render(overlay)) {
      JsonNode pod = podTemplate(owner).orElse(owner);
      JsonNode container = pod.at("/spec/containers/0");
      if (!value(container, "ATELIER_WORKER_ROLES").isEmpty()) { // the opener has its image alone
        workers++;
        assertThat(value(container, "ATELIER_WORKER_DRAIN_TIMEOUT")).isEmpty(); // the default
        assertThat(pod.at("/spec/terminationGracePeriodSeconds").asLong())
            .isEqualTo(KnownVariables.graceOfWorker().toSeconds());
      }
    }
    assertThat(workers).isGreaterThanOrEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "production"})
  void shouldNeverEndAGpuWorkerThatIsBusy(String overlay) throws Exception {
    List<JsonNode> resources = render(overlay);
    // KEDA and the autoscaler of pods end the pods of a Deployment, whatever they do.
    assertThat(resources)
        .noneMatch(
            resource ->
                List.of("ScaledObject", "HorizontalPodAutoscaler")
                    .contains(resource.path("kind").asText()));
    int gpuPods = 0;
    for (JsonNode owner : resources) {
      JsonNode pod = podTemplate(owner).orElse(owner);
      JsonNode container = pod.at("/spec/containers/0");
      if (!container.path("image").asText().contains("worker-cuda")) {
        continue;
      }
      gpuPods++;
      assertThat(container.at("/resources/limits/nvidia.com~1gpu").asInt()).isEqualTo(1);
      assertThat(
              pod.path("metadata")
                  .path("annotations")
                  .path("cluster-autoscaler.kubernetes.io/safe-to-evict")
                  .asText())
          .isEqualTo("false");
      if (owner.path("kind").asText().equals("ScaledJob")) {
        JsonNode trigger = owner.at("/spec/triggers/0");
        assertThat(trigger.path("type").asText()).isEqualTo("temporal");
        assertThat(trigger.at("/metadata/taskQueue").asText())
            .isEqualTo(TaskQueues.compute(value(container, "ATELIER_WORKER_DEVICE_CLASS")));
        assertThat(owner.at("/spec/scalingStrategy/strategy").asText()).isEqualTo("accurate");
        assertThat(owner.at("/spec/rollout/strategy").asText()).isEqualTo("gradual");
        assertThat(owner.at("/spec/jobTargetRef").has("activeDeadlineSeconds")).isFalse();
        assertThat(Duration.parse(value(container, "ATELIER_WORKER_EXIT_WHEN_IDLE"))).isPositive();
      }
    }
    assertThat(gpuPods).isEqualTo(overlay.equals("gpu") ? 1 : 2);
  }

  private static void checkPod(JsonNode owner, JsonNode pod) {
    String name = id(owner);
    JsonNode spec = pod.path("spec");
    assertThat(spec.at("/securityContext/runAsNonRoot").asBoolean()).as(name).isTrue();
    assertThat(spec.at("/securityContext/seccompProfile/type").asText())
        .as(name)
        .isEqualTo("RuntimeDefault");
    assertThat(spec.path("automountServiceAccountToken").asBoolean(true)).as(name).isFalse();
    for (JsonNode container : spec.path("containers")) {
      assertThat(container.path("image").asText()).as(name).matches(DeployFiles.PINNED);
      assertThat(container.at("/resources/limits/memory").asText()).as(name).isNotEmpty();
      assertThat(container.at("/resources/requests/cpu").asText()).as(name).isNotEmpty();
      JsonNode security = container.path("securityContext");
      assertThat(security.path("allowPrivilegeEscalation").asBoolean(true)).as(name).isFalse();
      assertThat(security.at("/capabilities/drop/0").asText()).as(name).isEqualTo("ALL");
      if (container.path("image").asText().contains("atelier/")) {
        assertThat(security.path("readOnlyRootFilesystem").asBoolean()).as(name).isTrue();
        if (!owner.path("kind").asText().equals("Job")) {
          assertThat(container.has("livenessProbe")).as(name).isTrue();
          assertThat(container.has("readinessProbe")).as(name).isTrue();
        }
      }
    }
  }

  private static void checkReferences(
      JsonNode owner, JsonNode pod, Set<String> names, boolean secretsIncluded) {
    for (JsonNode container : pod.at("/spec/containers")) {
      container
          .path("envFrom")
          .forEach(
              from ->
                  assertThat(names)
                      .as(id(owner))
                      .contains("ConfigMap/" + from.at("/configMapRef/name").asText()));
      for (JsonNode variable : container.path("env")) {
        JsonNode reference = variable.at("/valueFrom/secretKeyRef");
        if (reference.isMissingNode()) {
          assertThat(variable.path("name").asText())
              .as("a secret is never written out")
              .doesNotMatch(".*(PASSWORD|ACCESS_KEY|SECRET).*");
          continue;
        }
        assertThat(SECRET_KEYS).contains(reference.path("key").asText());
        String secret = "Secret/" + reference.path("name").asText();
        if (secretsIncluded) {
          assertThat(names).contains(secret);
        } else {
          assertThat(secret).as("the operator makes it").isEqualTo("Secret/atelier");
        }
      }
    }
    String account = pod.at("/spec/serviceAccountName").asText();
    assertThat(account.isEmpty() || names.contains("ServiceAccount/" + account))
        .as(id(owner))
        .isTrue();
  }

  private static Set<String> environment(JsonNode pod, List<JsonNode> resources) {
    Set<String> variables = new TreeSet<>();
    JsonNode container = pod.at("/spec/containers/0");
    container.path("env").forEach(variable -> variables.add(variable.path("name").asText()));
    for (JsonNode from : container.path("envFrom")) {
      resources.stream()
          .filter(r -> id(r).equals("ConfigMap/" + from.at("/configMapRef/name").asText()))
          .forEach(map -> map.path("data").fieldNames().forEachRemaining(variables::add));
    }
    return variables;
  }

  private static String value(JsonNode container, String variable) {
    return StreamSupport.stream(container.path("env").spliterator(), false)
        .filter(entry -> entry.path("name").asText().equals(variable))
        .map(entry -> entry.path("value").asText())
        .findFirst()
        .orElse("");
  }

  private static boolean selects(JsonNode labels, JsonNode pod) {
    return labels.properties().stream()
        .allMatch(
            label ->
                pod.path("metadata")
                    .path("labels")
                    .path(label.getKey())
                    .asText()
                    .equals(label.getValue().asText()));
  }

  private static Optional<JsonNode> podTemplate(JsonNode owner) {
    JsonNode template =
        owner.path("kind").asText().equals("ScaledJob")
            ? owner.at("/spec/jobTargetRef/template")
            : owner.at("/spec/template");
    return template.isMissingNode() ? Optional.empty() : Optional.of(template);
  }

  private static String id(JsonNode resource) {
    return resource.path("kind").asText() + "/" + resource.at("/metadata/name").asText();
  }

  private List<JsonNode> render(String overlay) throws IOException, InterruptedException {
    Path rendered = folder.resolve(overlay + ".yaml");
    Process kustomize =
        new ProcessBuilder(
                Programs.find("kustomize").orElseThrow().toString(),
                "build",
                DeployFiles.ROOT.resolve("deploy/kubernetes/overlays/" + overlay).toString())
            .redirectOutput(rendered.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(kustomize.waitFor()).isZero();
    return DeployFiles.documents(Files.readString(rendered));
  }
}
