package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.evaluation.EvaluationFixture;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.Models;
import dev.atelier.training.TeacherModel;
import dev.atelier.work.LocalScope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merging without a store; the students are networks of ones and of threes. */
class MergerTest {

  @TempDir Path work;
  private final List<String> said = new ArrayList<>();
  private final KeptReports reports = new KeptReports();
  private final List<MergedModels.Merged> kept = new ArrayList<>();
  private final List<ModelRef> ensemble = new ArrayList<>();

  private void merge(ModelRef... students) throws IOException {
    Merger merger =
        new Merger(
            new Distances(EvaluationFixture.CPU, null, null, null),
            new Constants(),
            new GivenStudents(List.of(students), ensemble),
            (experimentId, m, model, directory) -> {
              kept.add(model);
              return new ModelRef(
                  ModelKey.merged(m), model.network(), model.range(), "m", "m", model.step());
            },
            reports,
            (experimentId, kind, sentence) -> said.add(kind.word() + ": " + sentence));
    merger.merge(
        new Merge(
            "e",
            0,
            new MergeSpec(
                MergeSpec.Kind.AVERAGE, List.of(), Optional.empty(), Optional.empty(), null, null),
            new Measure(
                EvaluationFixture.DATASET,
                new DiffusionSpec(null, null, null, null),
                EvaluationFixture.evaluation(90),
                EvaluationFixture.EXTRACTOR,
                EvaluationFixture.REFERENCE),
            new EnsembleRef(List.of())),
        new LocalScope(work));
  }

  @Test
  void shouldKeepTheMeanOfTheStudentsAndSaySo() throws IOException {
    merge(student(1, 0, 400, 7, "a"), student(2, 400, 1000, 9, "a"));
    assertThat(kept).hasSize(1);
    assertThat(kept.get(0).range()).isEqualTo(new TimestepRange(0, 1000));
    assertThat(kept.get(0).step()).isEqualTo(9);
    assertThat(kept.get(0).weights().values())
        .allSatisfy(tensor -> assertThat(tensor.toFloats()).containsOnly(2));
    assertThat(ensemble).extracting(m -> m.key().value()).containsExactly("merged-1");
    assertThat(said)
        .containsExactly(
            "merged: 2 students into 1 models by average: merged-1 of [student-1, student-2]");
    assertThat(reports.text("merge.json")).contains("\"student-1\", \"student-2\"");
  }

  @Test
  void shouldSayWhyStudentsCannotBeMerged() throws IOException {
    merge(student(1, 0, 400, 7, "a"), student(2, 400, 1000, 9, "b"));
    assertThat(kept).isEmpty();
    assertThat(said).singleElement().asString().startsWith("merge-refused: Students that did not");
  }

  private static ModelRef student(int k, int low, int high, int step, String start) {
    return new ModelRef(
            ModelKey.student(k),
            Optional.of(EvaluationFixture.NETWORK),
            new TimestepRange(low, high),
            "student-" + k,
            String.valueOf(k).repeat(64),
            step)
        .startedFrom(new StartRef(start, start.repeat(64)));
  }

  /** Student k has weights 2k - 1. */
  private static final class Constants implements Models {
    @Override
    public Map<String, HostTensor> weights(ModelRef model, Network network) {
      float[] values = new float[4];
      Arrays.fill(values, model.key().equals(ModelKey.student(1)) ? 1 : 3);
      return Map.of("w", HostTensor.ofFloats(values, 2, 2));
    }

    @Override
    public long parameters(ModelRef model, DatasetRef dataset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public TeacherModel teacher(ModelRef model, DatasetRef dataset) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Path archive(ModelRef model, DatasetRef dataset, Path directory, NetworkForm form) {
      throw new UnsupportedOperationException();
    }
  }
}
