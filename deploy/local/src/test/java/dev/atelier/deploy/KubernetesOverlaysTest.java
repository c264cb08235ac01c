package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.workflows.TaskQueues;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
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
          "metrics-token",
          "oidc-client-secret",
          "oidc-state-secret",
          "temporal-api-key");

  @ParameterizedTest
  @ValueSource(strings = {"local", "cpu", "gpu", "production", "cloud"})
  void shouldSatisfyTheSchemasAndHoldTogether(String overlay) throws Exception {
    List<JsonNode> resources = KubernetesObjects.ofOverlay(overlay);
    KubernetesSchema schema = new KubernetesSchema();
    assertThat(resources.stream().flatMap(resource -> schema.faults(resource).stream())).isEmpty();

    Set<String> names = resources.stream().map(KubernetesObjects::id).collect(Collectors.toSet());
    for (JsonNode owner : resources) {
      KubernetesObjects.podTemplate(owner)
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
            .as(KubernetesObjects.id(resource) + " selects pods")
            .anyMatch(
                owner ->
                    KubernetesObjects.podTemplate(owner)
                        .filter(pod -> selects(labels, pod))
                        .isPresent());
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
  @ValueSource(strings = {"local", "cpu", "gpu", "production", "cloud"})
  void shouldSetOnlyVariablesThatTheProgramsReadAndAllThatTheyNeed(String overlay)
      throws Exception {
    List<JsonNode> resources = KubernetesObjects.ofOverlay(overlay);
    Set<String> seen = new TreeSet<>();
    for (JsonNode owner : resources) {
      Optional<JsonNode> pod = KubernetesObjects.podTemplate(owner);
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
          .as(KubernetesObjects.id(owner))
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

  /** A secret without keys is not a reason to keep a pod from starting: a role may give them. */
  @ParameterizedTest
  @ValueSource(strings = {"local", "cpu", "gpu", "production", "cloud"})
  void shouldStartWithoutKeysOfTheStoreAndGiveTheOpenerNoRole(String overlay) throws Exception {
    Set<String> optional = new TreeSet<>();
    for (JsonNode owner : KubernetesObjects.ofOverlay(overlay)) {
      Optional<JsonNode> pod = KubernetesObjects.podTemplate(owner);
      String image = pod.map(p -> p.at("/spec/containers/0/image").asText()).orElse("");
      if (!image.contains("atelier/")) {
        continue;
      }
      String name = owner.at("/metadata/name").asText();
      assertThat(pod.orElseThrow().at("/spec/serviceAccountName").asText())
          .as(name)
          .isEqualTo(name.equals("opener") ? "" : "atelier");
      for (JsonNode variable : pod.orElseThrow().at("/spec/containers/0/env")) {
        if (variable.at("/valueFrom/secretKeyRef/optional").asBoolean()) {
          optional.add(variable.path("name").asText());
        }
      }
    }
    assertThat(optional)
        .containsExactly(
            "ATELIER_AUTH_OIDC_CLIENT_SECRET",
            "ATELIER_AUTH_OIDC_STATE_SECRET",
            "ATELIER_S3_ACCESS_KEY",
            "ATELIER_S3_SECRET_KEY");
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "production", "cloud"})
  void shouldGiveWorkersTheTimeThatTheirDrainTakes(String overlay) throws Exception {
    int workers = 0;
    for (JsonNode owner : KubernetesObjects.ofOverlay(overlay)) {
      JsonNode pod = KubernetesObjects.podTemplate(owner).orElse(owner);
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
  @ValueSource(strings = {"gpu", "production", "cloud"})
  void shouldNeverEndAGpuWorkerThatIsBusy(String overlay) throws Exception {
    List<JsonNode> resources = KubernetesObjects.ofOverlay(overlay);
    // KEDA and the autoscaler of pods end the pods of a Deployment, whatever they do.
    assertThat(resources)
        .noneMatch(
            resource ->
                List.of("ScaledObject", "HorizontalPodAutoscaler")
                    .contains(resource.path("kind").asText()));
    int gpuPods = 0;
    for (JsonNode owner : resources) {
      JsonNode pod = KubernetesObjects.podTemplate(owner).orElse(owner);
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
    assertThat(gpuPods).isEqualTo(overlay.equals("production") ? 2 : 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"production", "cloud"})
  void shouldLetKedaAskTemporalWhereAndAsTheWorkersDo(String overlay) throws Exception {
    List<JsonNode> resources = KubernetesObjects.ofOverlay(overlay);
    assertThat(faultsOfKeda(resources)).isEmpty();
    // Without any of these its scaler would speak plain text, or be let in nowhere.
    for (String pointer :
        List.of("/spec/triggers/0/authenticationRef", "/spec/triggers/0/metadata/endpoint")) {
      List<JsonNode> changed = resources.stream().<JsonNode>map(JsonNode::deepCopy).toList();
      remove(of("ScaledJob", changed), pointer);
      assertThat(faultsOfKeda(changed)).as(pointer).isNotEmpty();
    }
    List<JsonNode> changed = resources.stream().<JsonNode>map(JsonNode::deepCopy).toList();
    JsonNode parameters = of("TriggerAuthentication", changed).at("/spec/secretTargetRef");
    ((ArrayNode) parameters).remove(parameters.size() - 1);
    assertThat(faultsOfKeda(changed)).isNotEmpty();
  }

  /** KEDA's scaler uses TLS with a certificate and its key, or with an API key, and not else. */
  private static List<String> faultsOfKeda(List<JsonNode> resources) {
    JsonNode job = of("ScaledJob", resources);
    JsonNode trigger = job.at("/spec/triggers/0");
    JsonNode pod = KubernetesObjects.podTemplate(job).orElseThrow();
    JsonNode settings =
        resources.stream()
            .filter(r -> KubernetesObjects.id(r).matches("ConfigMap/atelier-[a-z0-9]{10}"))
            .findFirst()
            .orElseThrow()
            .path("data");
    List<String> faults = new ArrayList<>();
    if (!trigger.at("/metadata/endpoint").equals(settings.path("ATELIER_TEMPORAL_TARGET"))
        || !trigger.at("/metadata/namespace").equals(settings.path("ATELIER_TEMPORAL_NAMESPACE"))) {
      faults.add("another Temporal than the workers'");
    }
    JsonNode authentication = of("TriggerAuthentication", resources);
    if (!trigger
        .at("/authenticationRef/name")
        .asText()
        .equals(authentication.at("/metadata/name").asText())) {
      faults.add("no authentication");
    }
    Set<String> given = new TreeSet<>();
    authentication
        .at("/spec/secretTargetRef")
        .forEach(
            parameter ->
                given.add(
                    "%s=%s/%s"
                        .formatted(
                            parameter.path("parameter").asText(),
                            parameter.path("name").asText(),
                            parameter.path("key").asText())));
    Set<String> expected =
        settings.has("ATELIER_TEMPORAL_CERTIFICATE_FILE")
            ? certificates(pod, settings.path("ATELIER_TEMPORAL_CERTIFICATE_FILE").asText())
            : Set.of("apiKey=atelier/" + secretKey(pod, "ATELIER_TEMPORAL_API_KEY"));
    if (!given.equals(expected)) {
      faults.add("authentication by %s, the workers' is by %s".formatted(given, expected));
    }
    return faults;
  }

  private static Set<String> certificates(JsonNode pod, String file) {
    String volume =
        StreamSupport.stream(pod.at("/spec/containers/0/volumeMounts").spliterator(), false)
            .filter(mount -> file.startsWith(mount.path("mountPath").asText() + "/"))
            .map(mount -> mount.path("name").asText())
            .findFirst()
            .orElse("none");
    String secret =
        StreamSupport.stream(pod.at("/spec/volumes").spliterator(), false)
            .filter(mounted -> mounted.path("name").asText().equals(volume))
            .map(mounted -> mounted.at("/secret/secretName").asText())
            .findFirst()
            .orElse("none");
    return Set.of(
        "ca=%s/ca.crt".formatted(secret),
        "cert=%s/tls.crt".formatted(secret),
        "key=%s/tls.key".formatted(secret));
  }

  private static String secretKey(JsonNode pod, String variable) {
    return StreamSupport.stream(pod.at("/spec/containers/0/env").spliterator(), false)
        .filter(entry -> entry.path("name").asText().equals(variable))
        .map(entry -> entry.at("/valueFrom/secretKeyRef/key").asText())
        .findFirst()
        .orElse("none");
  }

  private static JsonNode of(String kind, List<JsonNode> resources) {
    return resources.stream()
        .filter(resource -> resource.path("kind").asText().equals(kind))
        .findFirst()
        .orElseThrow();
  }

  private static void remove(JsonNode object, String pointer) {
    int last = pointer.lastIndexOf('/');
    ((ObjectNode) object.at(pointer.substring(0, last))).remove(pointer.substring(last + 1));
  }

  private static void checkPod(JsonNode owner, JsonNode pod) {
    String name = KubernetesObjects.id(owner);
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
                      .as(KubernetesObjects.id(owner))
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
        .as(KubernetesObjects.id(owner))
        .isTrue();
  }

  private static Set<String> environment(JsonNode pod, List<JsonNode> resources) {
    Set<String> variables = new TreeSet<>();
    JsonNode container = pod.at("/spec/containers/0");
    container.path("env").forEach(variable -> variables.add(variable.path("name").asText()));
    for (JsonNode from : container.path("envFrom")) {
      resources.stream()
          .filter(
              r ->
                  KubernetesObjects.id(r)
                      .equals("ConfigMap/" + from.at("/configMapRef/name").asText()))
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
}
