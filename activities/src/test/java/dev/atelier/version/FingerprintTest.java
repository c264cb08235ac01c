package dev.atelier.version;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivitiesTrainStudentBuilder;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FingerprintTest {

  @Test
  void shouldBeTheSameWhereverTheModelBelongs() {
    assertThat(of(student("a", "experiments/a/teacher/m.json", "1", 7, 0.8)))
        .isEqualTo(of(student("b", "experiments/b/teacher/m.json", "1", 7, 0.8)))
        .hasSize(64);
  }

  @Test
  void shouldDifferWhenAnythingDiffersThatDeterminesTheModel() {
    TrainStudent student = student("a", "m.json", "1", 7, 0.8);
    Set<String> fingerprints =
        Stream.of(
                of(student),
                Fingerprint.of(student, "other version"),
                of(student("a", "m.json", "2", 7, 0.8)),
                of(student("a", "m.json", "1", 8, 0.8)),
                of(student("a", "m.json", "1", 7, 0.9)))
            .collect(Collectors.toSet());
    assertThat(fingerprints).hasSize(5);
  }

  private static String of(TrainStudent task) {
    return Fingerprint.of(task, "version");
  }

  private static TrainStudent student(
      String experimentId, String teacherKey, String teacherDigit, long seed, double p) {
    return TrainingActivitiesTrainStudentBuilder.builder()
        .experimentId(experimentId)
        .key(ModelKey.student(1))
        .seed(seed)
        .dataset(new DatasetRef("d".repeat(64), 100, 16, 3, 0, 0))
        .diffusion(DiffusionSpec.DEFAULTS)
        .network(NetworkSpec.ofWidth(24))
        .training(TrainingSpec.DEFAULTS)
        .teacher(
            new ModelRef(
                ModelKey.TEACHER,
                Optional.of(NetworkSpec.ofWidth(32)),
                new TimestepRange(0, 1000),
                teacherKey,
                teacherDigit.repeat(64),
                10))
        .range(new TimestepRange(0, 500))
        .specificProbability(p)
        .loss(new LossSpec(1.0, 1.0))
        .antithetic(false)
        .startFrom(StudentsSpec.StartFrom.RANDOM)
        .rangeDraw(StudentsSpec.RangeDraw.SAMPLE)
        .build();
  }
}
