package dev.atelier.api.study;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.spec.StudyDocument;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ScorecardRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
    List<ScorecardRules.Point> points =
        StudyGrid.points(study).stream()
            .map(p -> new ScorecardRules.Point(StudyMember.at(p.axes()), reader.spec(p.document())))
            .toList();
    assertThat(points).hasSizeGreaterThan(3);
    assertThat(ScorecardRules.check(study.spec().scorecard(), points)).isEmpty();
  }

  /** What reports show of a spec is the whole of it, as YAML. */
  @ParameterizedTest
  @MethodSource("files")
  void shouldReadTheSameSpecFromTheWholeOfItAsItIsShown(Path file) throws IOException {
    StudyDocument study = reader.study(Files.readAllBytes(file), DocumentFormat.YAML);
    YAMLMapper yaml = new YAMLMapper();
    StudyDocument shown = reader.study(yaml.writeValueAsBytes(study.whole()), DocumentFormat.YAML);
    assertThat(shown.spec()).isEqualTo(study.spec());
    List<ExperimentSpec> experiments = new ArrayList<>();
    for (StudyGrid.Point point : StudyGrid.points(study)) {
      ExperimentSpec spec = reader.spec(point.document());
      experiments.add(spec);
      assertThat(reader.spec(yaml.writeValueAsBytes(SpecJson.tree(spec)), DocumentFormat.YAML))
          .isEqualTo(spec);
    }
    assertThat(StudyGrid.points(shown).stream().map(p -> reader.spec(p.document())))
        .containsExactlyElementsOf(experiments);
  }

  /** Figures of the paper that we know; of others its claims have none. */
  @Test
  void shouldClaimOnlyFiguresThatAreKnownToUs() throws IOException {
    List<Double> figures = new ArrayList<>();
    for (Path file : files().toList()) {
      StudyDocument study = reader.study(Files.readAllBytes(file), DocumentFormat.YAML);
      study.spec().scorecard().forEach(claim -> claim.figure().ifPresent(figures::add));
    }
    assertThat(figures).isSubsetOf(1.8, 0.18, 1.5, -0.15, 4.33, 4.23, -0.1).hasSize(14);
  }

  @Test
  void shouldComeInBothSizes() throws IOException {
    List<String> names = files().map(f -> f.getFileName().toString()).toList();
    assertThat(names).hasSize(26);
    assertThat(names.stream().distinct()).hasSize(13);
  }
}
