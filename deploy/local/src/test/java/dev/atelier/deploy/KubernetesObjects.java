package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The objects that Kustomize and Helm render of {@code deploy/kubernetes}. */
final class KubernetesObjects {

  static final Path FOLDER = DeployFiles.ROOT.resolve("deploy/kubernetes");

  /** What a program that has ended said. */
  record Output(int status, String out, String errors) {}

  private KubernetesObjects() {}

  static List<JsonNode> ofOverlay(String overlay) throws IOException, InterruptedException {
    return documents(run("kustomize", "build", FOLDER.resolve("overlays/" + overlay).toString()));
  }

  /** The chart as {@code helm install} would send it. arguments: of values and so on. */
  static List<JsonNode> ofChart(String... arguments) throws IOException, InterruptedException {
    return ofChartAt(FOLDER.toString(), arguments);
  }

  /** The same of a chart elsewhere: a folder or a package. */
  static List<JsonNode> ofChartAt(String chart, String... arguments)
      throws IOException, InterruptedException {
    return documents(run("helm", joined(List.of("template", "atelier", chart), arguments))).stream()
        .filter(document -> !document.isNull())
        .toList();
  }

  /** Runs a command of Helm on the chart, in the namespace {@code atelier}. */
  static Output helm(String command, String... arguments) throws IOException, InterruptedException {
    List<String> chart =
        switch (command) {
          case "lint" -> List.of("lint", "--strict", FOLDER.toString());
          case "package" -> List.of("package", FOLDER.toString());
          default -> List.of(command, "atelier", FOLDER.toString());
        };
    return run("helm", joined(chart, arguments));
  }

  private static String[] joined(List<String> first, String... more) {
    return Stream.of(first.stream(), Stream.of("--namespace", "atelier"), Stream.of(more))
        .flatMap(part -> part)
        .toArray(String[]::new);
  }

  private static Output run(String program, String... arguments)
      throws IOException, InterruptedException {
    Path out = Files.createTempFile(program, ".out");
    Path errors = Files.createTempFile(program, ".err");
    try {
      Process process =
          new ProcessBuilder(
                  Stream.concat(
                          Stream.of(Programs.find(program).orElseThrow().toString()),
                          Stream.of(arguments))
                      .toList())
              .redirectOutput(out.toFile())
              .redirectError(errors.toFile())
              .start();
      return new Output(process.waitFor(), Files.readString(out), Files.readString(errors));
    } finally {
      Files.delete(out);
      Files.delete(errors);
    }
  }

  private static List<JsonNode> documents(Output output) {
    assertThat(output.status()).as(output.errors()).isZero();
    return DeployFiles.documents(output.out());
  }

  static Map<String, JsonNode> byId(List<JsonNode> objects) {
    Map<String, JsonNode> byId = new TreeMap<>();
    for (JsonNode object : objects) {
      assertThat(byId.put(id(object), object)).as(id(object)).isNull();
    }
    return byId;
  }

  static String id(JsonNode object) {
    return object.path("kind").asText() + "/" + object.at("/metadata/name").asText();
  }

  static Optional<JsonNode> podTemplate(JsonNode owner) {
    JsonNode template =
        owner.path("kind").asText().equals("ScaledJob")
            ? owner.at("/spec/jobTargetRef/template")
            : owner.at("/spec/template");
    return template.isMissingNode() ? Optional.empty() : Optional.of(template);
  }
}
