package dev.atelier.api.study;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.spec.StudyDocument;
import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.SpecFault;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StudyGridTest {

  private final SpecReader reader = new SpecReader();

  @Test
  void shouldMakeOneExperimentForEachPointAndSeed() {
    StudyDocument study =
        study(
            """
            name: sweep
            labels: {team: vision}
            seeds: [1, 2]
            base: {students: {network: {channels: 24}}}
            axes:
              - {name: N, field: students.count, values: [1, 2, 4]}
              - name: assignment
                choices:
                  - {label: uniform}
                  - label: power
                    set: {students.assignment.kind: power, students.assignment.gamma: 2}
            """);
    assertThat(StudyGrid.faults(study.spec())).isEmpty();
    List<StudyGrid.Point> points = StudyGrid.points(study);
    List<ExperimentSpec> specs = points.stream().map(p -> reader.spec(p.document())).toList();

    assertThat(specs).hasSize(12);
    assertThat(specs)
        .extracting(ExperimentSpec::seed)
        .containsExactly(1L, 1L, 1L, 1L, 1L, 1L, 2L, 2L, 2L, 2L, 2L, 2L);
    assertThat(specs).extracting(s -> s.students().count()).startsWith(1, 1, 2, 2, 4, 4);
    assertThat(specs)
        .extracting(s -> s.students().assignment().kind())
        .startsWith(AssignmentSpec.Kind.UNIFORM, AssignmentSpec.Kind.POWER);
    assertThat(specs).allMatch(s -> s.students().network().channels() == 24);
    assertThat(specs.get(3).name()).isEqualTo("sweep, N 2, assignment power, seed 1");
    assertThat(specs.get(3).labels())
        .containsEntry("N", "2")
        .containsEntry("assignment", "power")
        .containsEntry("study", "sweep")
        .containsEntry("team", "vision");
    assertThat(points.get(3).axes())
        .extracting(StudyMember.AxisValue::value)
        .containsExactly("2", "power");
  }

  @Test
  void shouldSetAFieldByItsFormerNameOverTheBase() {
    StudyDocument study =
        study(
            """
            base: {students: {loss: {distillation: 1}}}
            axes:
              - name: loss
                choices:
                  - {label: alone, set: {students.loss.prediction: 0}}
            """);
    assertThat(StudyGrid.faults(study.spec())).isEmpty();
    assertThat(reader.spec(StudyGrid.points(study).get(0).document()).students().loss())
        .isEqualTo(new LossSpec(1.0, 0.0));
  }

  @Test
  void shouldRefuseAChoiceThatSetsAFieldByBothItsNames() {
    StudyDocument study =
        study(
            """
            base: {}
            axes:
              - name: loss
                choices:
                  - {label: both, set: {students.loss.prediction: 0, students.loss.distillation: 1}}
            """);
    assertThat(StudyGrid.faults(study.spec()))
        .containsExactly(
            new SpecFault(
                "axes[0].choices[0].set",
                "sets students.loss.distillation, and students.loss.prediction, which is its former name: expected one of them."));
  }

  @Test
  void shouldRunTheBaseAloneWhenThereAreNoAxes() {
    StudyDocument study = study("base: {seed: 7}");
    assertThat(StudyGrid.points(study)).hasSize(1);
    assertThat(reader.spec(StudyGrid.points(study).get(0).document()).seed()).isEqualTo(7);
  }

  @Test
  void shouldNameEachFaultOfTheAxes() {
    StudyDocument study =
        study(
            """
            base: {}
            seeds: [1, 1]
            axes:
              - {name: a, field: students.count, values: [1]}
              - {name: a, field: students.count}
              - {name: b}
              - {name: c, field: students.count, values: [1], choices: [{label: x}]}
              - {name: d, values: [1]}
            """);
    assertThat(StudyGrid.faults(study.spec()))
        .extracting(SpecFault::field)
        .contains("axes[1].name", "axes[1].values", "axes[2]", "axes[3]", "axes[4]", "seeds");
  }

  @Test
  void shouldRefuseMoreExperimentsThanAStudyMayHave() {
    String values = IntStream.rangeClosed(1, 51).mapToObj(i -> i + "").toList().toString();
    StudyDocument study =
        study(
            """
            base: {}
            axes:
              - {name: a, field: students.count, values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
              - {name: b, field: teacher.training.steps, values: %s}
            """
                .formatted(values));
    assertThat(StudyGrid.faults(study.spec()))
        .containsExactly(new SpecFault("axes", "ask for 510 experiments: expected at most 400."));
  }

  private StudyDocument study(String yaml) {
    return reader.study(yaml.getBytes(StandardCharsets.UTF_8), DocumentFormat.YAML);
  }
}
