package dev.atelier.api.study;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.spec.StudyDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BuiltInStudiesTest {

  private static final Path STUDIES = Path.of("../studies");
  private final SpecReader reader = new SpecReader();

  static Stream<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(STUDIES)) {
      return files.filter(f -> f.toString().endsWith(".yaml")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void shouldMakeExperimentsThatMeetEveryRule(Path file) throws IOException {
    StudyDocument study = reader.study(Files.readAllBytes(file), DocumentFormat.YAML);
    assertThat(study.spec().name()).isEqualTo(file.getFileName().toString().replace(".yaml", ""));
    assertThat(study.spec().question()).endsWith("?");
    assertThat(StudyGrid.faults(study.spec())).isEmpty();
    assertThat(StudyGrid.points(study).stream().map(p -> reader.spec(p.document())))
        .hasSizeGreaterThan(3);
  }

  @Test
  void shouldComeInBothSizes() throws IOException {
    List<String> names = files().map(f -> f.getFileName().toString()).toList();
    assertThat(names).hasSize(14);
    assertThat(names.stream().distinct()).hasSize(7);
  }
}
