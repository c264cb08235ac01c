package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.deploy.KubernetesObjects.Output;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart beside the overlays: two ways to the same objects. */
@RequiresProgram({"helm", "kustomize"})
class HelmChartTest {

  private static final Pattern MIGRATION = Pattern.compile("Job/migrate-[a-z0-9]{10}");

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "gpu", "production", "cloud"})
  void shouldMakeTheObjectsThatTheOverlayMakes(String overlay) throws Exception {
    Map<String, JsonNode> expected = overlay(overlay);
    Map<String, JsonNode> found = comparable(KubernetesObjects.ofChart(valuesOf(overlay)));
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    for (String id : expected.keySet()) {
      assertThat(found.get(id)).as(id).isEqualTo(expected.get(id));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "secret=other                         | TriggerAuthentication/temporal Deployment/api"
            + " Deployment/worker-light Job/migrate ScaledJob/worker-gpu-elastic",
        "images.repository=example.com/a      | Deployment/api Deployment/opener"
            + " Deployment/worker-light Job/migrate ScaledJob/worker-gpu-elastic",
        "images.tag=0.2.0                     | Deployment/api Deployment/opener"
            + " Deployment/worker-light Job/migrate ScaledJob/worker-gpu-elastic",
        "images.digests.api=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
            + " | Deployment/api Job/migrate",
        "images.pullSecrets={registry}        | Deployment/api Deployment/opener"
            + " Deployment/worker-light Job/migrate ScaledJob/worker-gpu-elastic",
        "database.url=jdbc:postgresql://d/a   | ConfigMap/atelier-api ConfigMap/atelier-worker"
            + " Deployment/api Deployment/worker-light Job/migrate ScaledJob/worker-gpu-elastic",
        "store.bucket=other                   | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic",
        "store.region=us-west-2               | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic",
        "serviceAccount.annotations.a=b       | ServiceAccount/atelier",
        "temporal.target=temporal:7233        | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic",
        "temporal.serverName=temporal         | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic",
        "temporal.auth=mtls                   | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic"
            + " TriggerAuthentication/temporal",
        "auth.oidc.audience=other             | ConfigMap/atelier-api Deployment/api Job/migrate",
        "host=other.example.com               | ConfigMap/atelier-api Deployment/api HTTPRoute/api"
            + " Job/migrate",
        "expose=ingress                       | HTTPRoute/api Ingress/api",
        "expose=none                          | HTTPRoute/api",
        "networkPolicies.ingressNamespace=x   | NetworkPolicy/api-ingress",
        "networkPolicies.metricsNamespace=x   | NetworkPolicy/metrics",
        "networkPolicies.dnsAddresses={10.96.0.10/32} | NetworkPolicy/dns",
        "networkPolicies.enabled=false        | NetworkPolicy/api-ingress NetworkPolicy/database"
            + " NetworkPolicy/default-deny NetworkPolicy/dns NetworkPolicy/downloads"
            + " NetworkPolicy/metrics NetworkPolicy/opener NetworkPolicy/temporal-and-store"
            + " NetworkPolicy/to-opener",
        "config.shared.ATELIER_S3_BUCKET=b    | ConfigMap/atelier Deployment/api"
            + " Deployment/worker-light ScaledJob/worker-gpu-elastic",
        "parts.api.replicas=3                 | Deployment/api",
        "parts.opener.pod.nodeSelector.a=b    | Deployment/opener",
        "parts.worker-light.env.ATELIER_LOG_FORMAT=text | Deployment/worker-light",
        "parts.migrate.resources.limits.memory=1Gi | Job/migrate",
        "parts.worker-cpu.enabled=true        | Deployment/worker-cpu"
            + " PodDisruptionBudget/worker-cpu",
        "parts.worker-gpu-elastic.maxReplicas=9 | ScaledJob/worker-gpu-elastic",
        "parts.worker-gpu-elastic.enabled=false | ScaledJob/worker-gpu-elastic"
            + " TriggerAuthentication/temporal",
      })
  void shouldChangeWhatAValueIsForAndNothingElse(String value, String changed) throws Exception {
    List<JsonNode> objects = KubernetesObjects.ofChart(valuesOf("cloud", "--set", value));
    assertThat(faults(objects)).isEmpty();
    assertThat(differing(overlay("cloud"), comparable(objects)))
        .isEqualTo(new TreeSet<>(List.of(changed.split(" ", -1))));
  }

  @Test
  void shouldSayEachNameOfTheServiceInTheNamespaceOfTheRelease() throws Exception {
    List<JsonNode> objects = KubernetesObjects.ofChart("--namespace", "team");
    assertThat(objects).allMatch(o -> o.at("/metadata/namespace").asText().equals("team"));
    assertThat(objects)
        .anyMatch(
            o ->
                o.at("/data/ATELIER_HTTP_HOSTS")
                    .asText()
                    .equals(
                        "api,api.team,api.team.svc,api.team.svc.cluster.local,atelier.example.com"));
  }

  @Test
  void shouldMigrateAgainInAnotherVersionAndKeepWhatPodsOfTheFormerOneRead() throws Exception {
    List<JsonNode> objects = KubernetesObjects.ofChart();
    assertThat(migration(objects)).isEqualTo(migration(KubernetesObjects.ofChart()));
    assertThat(migration(objects))
        .isNotEqualTo(migration(KubernetesObjects.ofChart("--set", "images.tag=0.2.0")));
    assertThat(objects.stream().filter(o -> o.path("kind").asText().equals("ConfigMap")))
        .hasSize(3)
        .allMatch(
            o -> o.at("/metadata/annotations/helm.sh~1resource-policy").asText().equals("keep"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "gpu", "production", "cloud"})
  void shouldPassTheLinter(String overlay) throws Exception {
    Output lint = KubernetesObjects.helm("lint", valuesOf(overlay));
    assertThat(lint.status()).as(lint.out() + lint.errors()).isZero();

    Output refused =
        KubernetesObjects.helm("lint", valuesOf(overlay, "--set", "parts.api.replicas=two"));
    assertThat(refused.status()).isNotZero();
  }

  @Test
  void shouldRenderTheSameFromItsPackage(@TempDir Path folder) throws Exception {
    assertThat(KubernetesObjects.helm("package", "--destination", folder.toString()).status())
        .isZero();
    Path archive;
    try (Stream<Path> files = Files.list(folder)) {
      archive = files.findFirst().orElseThrow();
    }
    assertThat(KubernetesObjects.ofChartAt(archive.toString(), valuesOf("production")))
        .isEqualTo(KubernetesObjects.ofChart(valuesOf("production")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "parts.api.replicas=two      | /parts/api/replicas | want integer",
        "parts.api.replica=2         | /parts/api | 'replica' not allowed",
        "tempral.target=a:7233       | additional properties | 'tempral' not allowed",
        "temporal.target=https://a   | /temporal/target | does not match pattern",
        "temporal.auth=tls           | /temporal/auth | 'none', 'mtls', 'api-key'",
        "expose=nginx                | /expose | 'ingress', 'gateway', 'none'",
        "images.digests.api=latest   | /images/digests/api | does not match pattern",
        "database.url=postgres://a   | /database/url | does not match pattern",
        "config.api.atelier_x=1      | /config/api | does not match pattern",
        "auth.mode=oidc              | auth.oidc.issuer is empty | auth.mode 'oidc'",
        "config.shared.ATELIER_S3_SECRET_KEY=x | config.shared.ATELIER_S3_SECRET_KEY is a secret |"
            + " the secret 'atelier'",
      })
  void shouldRefuseAWrongValueByItsName(String value, String name, String why) throws Exception {
    Output refused = KubernetesObjects.helm("template", "--set", value);
    assertThat(refused.status()).isNotZero();
    assertThat(refused.errors()).contains(name, why);
  }

  @Test
  void shouldRefuseToAskTemporalInPlainTextForKedaAloneWhileTheWorkersUseTls() throws Exception {
    String[] tls = {"--set-string", "config.shared.ATELIER_TEMPORAL_TLS=true"};
    assertThat(KubernetesObjects.helm("template", tls).status()).isZero();

    Output refused =
        KubernetesObjects.helm(
            "template", tls[0], tls[1], "--set", "parts.worker-gpu-elastic.enabled=true");
    assertThat(refused.status()).isNotZero();
    assertThat(refused.errors())
        .contains("config.shared.ATELIER_TEMPORAL_TLS", "temporal.auth", "'mtls' or 'api-key'");
  }

  @Test
  void shouldTellWhatIsToBeDoneNext() throws Exception {
    Output dryRun =
        KubernetesObjects.helm(
            "install", valuesOf("production", "--dry-run=client", "--hide-secret"));
    assertThat(dryRun.status()).as(dryRun.errors()).isZero();
    assertThat(dryRun.out().substring(dryRun.out().indexOf("NOTES:")))
        .contains(
            "get secret atelier atelier-temporal-tls",
            "wait --for=condition=complete job -l app.kubernetes.io/name=migrate",
            "https://atelier.example.com",
            "bootstrap-token");
  }

  @Test
  void shouldHaveTheProjectsVersion() throws Exception {
    JsonNode chart = DeployFiles.documents(DeployFiles.read("deploy/kubernetes/Chart.yaml")).get(0);
    Matcher version =
        Pattern.compile("<artifactId>atelier-parent</artifactId>\\s*<version>(.*?)</version>")
            .matcher(DeployFiles.read("pom.xml"));
    assertThat(version.find()).isTrue();
    assertThat(chart.path("version").asText()).isEqualTo(version.group(1));
    assertThat(chart.path("appVersion").asText()).isEqualTo(version.group(1));
  }

  private static String[] valuesOf(String overlay, String... more) {
    Path values = KubernetesObjects.FOLDER.resolve("overlays/" + overlay + "/values.yaml");
    Stream<String> file =
        overlay.equals("cpu") ? Stream.of() : Stream.of("--values", values.toString());
    return Stream.concat(file, Stream.of(more)).toArray(String[]::new);
  }

  /** What Kustomize makes, but for the namespace, which Helm wants to be there. */
  private static Map<String, JsonNode> overlay(String name) throws Exception {
    Map<String, JsonNode> objects = KubernetesObjects.byId(KubernetesObjects.ofOverlay(name));
    assertThat(objects.remove("Namespace/atelier")).isNotNull();
    return objects;
  }

  /** Without the two things that Helm's objects have more: see the test of the migration. */
  private static Map<String, JsonNode> comparable(List<JsonNode> objects) {
    return KubernetesObjects.byId(objects.stream().map(HelmChartTest::comparable).toList());
  }

  private static JsonNode comparable(JsonNode object) {
    ObjectNode copy = object.deepCopy();
    ObjectNode metadata = (ObjectNode) copy.path("metadata");
    if (MIGRATION.matcher(KubernetesObjects.id(copy)).matches()) {
      metadata.put("name", "migrate");
    }
    if (copy.path("kind").asText().equals("ConfigMap")) {
      metadata.remove("annotations");
    }
    return copy;
  }

  /** The objects that only one has or that aren't equal, by name without what changes with it. */
  private static Set<String> differing(Map<String, JsonNode> one, Map<String, JsonNode> other) {
    return Stream.concat(one.keySet().stream(), other.keySet().stream())
        .filter(id -> !Objects.equals(one.get(id), other.get(id)))
        .map(id -> id.startsWith("ConfigMap/") ? id.replaceFirst("-[a-z0-9]{10}$", "") : id)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String migration(List<JsonNode> objects) {
    return objects.stream()
        .map(KubernetesObjects::id)
        .filter(MIGRATION.asMatchPredicate())
        .findFirst()
        .orElseThrow();
  }

  private static List<String> faults(List<JsonNode> objects) {
    KubernetesSchema schema = new KubernetesSchema();
    return objects.stream().flatMap(object -> schema.faults(object).stream()).toList();
  }
}
