package dev.atelier.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** What pipeline_fixtures.py made; folders of it may be copied and changed. */
final class PipelineFixture {
  private static final ObjectMapper JSON = new ObjectMapper();

  private PipelineFixture() {}

  static Path folder(String name) {
    try {
      return Path.of(PipelineFixture.class.getResource("/pipeline/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Inputs and outputs of diffusers. */
  static Map<String, HostTensor> answers(String name) throws IOException {
    return SafetensorsFile.read(folder(name + ".safetensors")).tensors();
  }

  /** A copy of a part, as that part of a pipeline in {@code root}. */
  static Path copy(String part, Path root) throws IOException {
    Path from = folder(part);
    Path to = Files.createDirectories(root.resolve(from.getFileName().toString()));
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
    return to;
  }

  /** Sets a field of a {@code config.json} to what {@code json} says; empty: takes it away. */
  static void set(Path folder, String field, String json) throws IOException {
    Path file = folder.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    if (json.isEmpty()) {
      config.remove(field);
    } else {
      config.set(field, JSON.readTree(json));
    }
    JSON.writeValue(file.toFile(), config);
  }

  /** Writes the tensors of a file anew, as {@code change} has them. */
  static void change(Path file, UnaryOperator<Map<String, HostTensor>> change) throws IOException {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    SafetensorsFile.read(file)
        .tensors()
        .forEach((name, tensor) -> tensors.put(name, copyOf(tensor)));
    SafetensorsFile.write(file, change.apply(tensors), Map.of("format", "pt"));
  }

  /** Not a view of a file that is written anew. */
  private static HostTensor copyOf(HostTensor tensor) {
    HostTensor copy = HostTensor.zeros(tensor.dtype(), tensor.shape());
    copy.data().put(tensor.data());
    return copy;
  }

  static UnaryOperator<Map<String, HostTensor>> renamed(UnaryOperator<String> name) {
    return tensors -> {
      Map<String, HostTensor> renamed = new LinkedHashMap<>();
      tensors.forEach((old, tensor) -> renamed.put(name.apply(old), tensor));
      return renamed;
    };
  }

  static void assertClose(HostTensor found, HostTensor expected, float tolerance) {
    assertThat(found.shape()).isEqualTo(expected.shape());
    assertThat(found.toFloats()).containsExactly(expected.toFloats(), within(tolerance));
  }
}
