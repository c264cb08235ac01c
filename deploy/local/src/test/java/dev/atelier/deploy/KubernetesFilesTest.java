package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each resource under {@code deploy/kubernetes}, as it is written. */
class KubernetesFilesTest {

  private final KubernetesSchema schema = new KubernetesSchema();

  @Test
  void shouldSatisfyTheSchemasOfTheirKinds() throws IOException {
    List<JsonNode> resources = resources();
    assertThat(resources).hasSizeGreaterThan(20);
    assertThat(resources.stream().flatMap(resource -> schema.faults(resource).stream())).isEmpty();
  }

  @Test
  void shouldBeRefusedWhenAFieldIsMisspeltOfTheWrongTypeOrMissing() throws IOException {
    JsonNode deployment = first("Deployment");
    JsonNode job = first("ScaledJob");
    assertThat(schema.faults(deployment)).isEmpty();
    assertThat(schema.faults(job)).isEmpty();

    ObjectNode misspelt = deployment.deepCopy();
    ((ObjectNode) misspelt.at("/spec/template/spec")).put("terminationGracePeriodSecond", 60);
    assertThat(schema.faults(misspelt)).isNotEmpty();

    ObjectNode wrongType = deployment.deepCopy();
    ((ObjectNode) wrongType.at("/spec")).put("replicas", "two");
    assertThat(schema.faults(wrongType)).isNotEmpty();

    ObjectNode missing = deployment.deepCopy();
    ((ObjectNode) missing.at("/spec")).remove("selector");
    assertThat(schema.faults(missing)).isNotEmpty();

    ObjectNode trigger = job.deepCopy();
    ((ObjectNode) trigger.at("/spec/triggers/0")).put("metdata", "x");
    assertThat(schema.faults(trigger)).isNotEmpty();

    ObjectNode pod = job.deepCopy();
    ((ObjectNode) pod.at("/spec/jobTargetRef/template/spec/containers/0"))
        .put("imagePullPolice", "x");
    assertThat(schema.faults(pod)).isNotEmpty();
  }

  private static JsonNode first(String kind) throws IOException {
    return resources().stream()
        .filter(resource -> resource.path("kind").asText().equals(kind))
        .findFirst()
        .orElseThrow();
  }

  private static List<JsonNode> resources() throws IOException {
    try (Stream<Path> files = Files.walk(DeployFiles.ROOT.resolve("deploy/kubernetes"))) {
      return files
          .filter(file -> file.toString().endsWith(".yaml"))
          .filter(
              file ->
                  !file.endsWith("kustomization.yaml")
                      && !file.endsWith("name-reference.yaml")
                      && !isOfHelm(file))
          .flatMap(file -> DeployFiles.documents(read(file)).stream())
          .toList();
    }
  }

  private static boolean isOfHelm(Path file) {
    return file.endsWith("Chart.yaml")
        || file.endsWith("values.yaml")
        || file.getParent().endsWith("templates");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
