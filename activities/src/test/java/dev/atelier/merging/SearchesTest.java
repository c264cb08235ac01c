package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.EvaluationFixture;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.Models;
import dev.atelier.work.LocalScope;
import dev.atelier.work.Notices;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Merging and searching by distances that are sampled, with a memory in memory. */
class SearchesTest {

  private static final int SAMPLES = 64;
  private static final Measure MEASURE =
      new Measure(
          EvaluationFixture.DATASET,
          new DiffusionSpec(100, null, null, null),
          EvaluationFixture.evaluation(90),
          EvaluationFixture.EXTRACTOR,
          EvaluationFixture.REFERENCE);
  private static final StartRef START = new StartRef("start.safetensors", "5".repeat(64));

  @TempDir Path data;
  private final List<SearchMemory.Candidate> tried = new ArrayList<>();
  private final List<String> frontier = new ArrayList<>();
  private final List<MergedModels.Merged> kept = new ArrayList<>();
  private final List<String> said = new ArrayList<>();
  private final KeptReports reports = new KeptReports();
  private LocalScope scope;
  private Distances distances;

  @BeforeEach
  void start() throws IOException {
    EvaluationFixture.write(data);
    Network network = Models.network(EvaluationFixture.NETWORK, EvaluationFixture.DATASET);
    SafetensorsFile.write(
        data.resolve(START.objectKey()), network.initialise(new SeededRandom(1)), Map.of());
    scope = new LocalScope(Files.createDirectory(data.resolve("work")));
    distances =
        new Distances(
            EvaluationFixture.CPU,
            (key, sha256) -> data.resolve(key),
            new EvaluationFixture.NoClasses(),
            new Memory());
  }

  private static List<ModelRef> students() {
    return List.of(
        EvaluationFixture.model(ModelKey.student(1), 0, 40).startedFrom(START),
        EvaluationFixture.model(ModelKey.student(2), 40, 100).startedFrom(START));
  }

  private void merge(MergeSpec.Kind kind, int evaluations) throws IOException {
    new Merger(
            distances,
            new EvaluationFixture.SeededModels(),
            new GivenStudents(students()),
            (experimentId, m, model, directory) -> {
              kept.add(model);
              return new ModelRef(
                  ModelKey.merged(m), model.network(), model.range(), "m", "m", model.step());
            },
            reports,
            notices())
        .merge(
            new Merge(
                "e",
                0,
                new MergeSpec(
                    kind, List.of(), Optional.of(0.5), Optional.empty(), evaluations, SAMPLES),
                MEASURE,
                new EnsembleRef(List.of())),
            scope);
  }

  private void search(int evaluations, ModelRef teacher) throws IOException {
    new ScheduleFinder(
            distances,
            new EvaluationFixture.SeededModels(),
            new GivenStudents(students()),
            reports,
            notices())
        .search(
            new SearchSchedule(
                "e",
                0,
                new ScheduleSearchSpec(evaluations, SAMPLES),
                MEASURE,
                teacher,
                new EnsembleRef(List.of()),
                List.of()),
            scope);
  }

  private static ModelRef teacher() {
    return EvaluationFixture.model(ModelKey.TEACHER, 0, 100);
  }

  private Notices notices() {
    return (experimentId, kind, sentence) -> said.add(kind.word() + ": " + sentence);
  }

  @Test
  void shouldJoinTheNeighboursUntilTheBudgetIsMet() throws IOException {
    merge(MergeSpec.Kind.GREEDY, 10);
    assertThat(tried)
        .extracting(SearchMemory.Candidate::name)
        .containsExactly("student-1, student-2", "student-1+student-2");
    assertThat(tried).allSatisfy(c -> assertThat(c.distance()).isFinite());
    assertThat(kept)
        .singleElement()
        .satisfies(m -> assertThat(m.range()).isEqualTo(new TimestepRange(0, 100)));
    assertThat(said.get(0))
        .startsWith("merged: 2 students into 1 models by greedy, as the memory budget needs");
  }

  @Test
  void shouldFindWeightsOfTaskArithmeticAndGoOnWhereItWas() throws IOException {
    merge(MergeSpec.Kind.TASK_ARITHMETIC, 3);
    assertThat(tried).extracting(SearchMemory.Candidate::position).containsExactly(0, 1, 2);
    String report = reports.text("merge.json");
    merge(MergeSpec.Kind.TASK_ARITHMETIC, 3);
    assertThat(tried).as("none is measured again").hasSize(3);
    assertThat(reports.text("merge.json")).isEqualTo(report);
  }

  @Test
  void shouldKeepEveryScheduleThatWasTriedAndGoOnWhereItWas() throws IOException {
    search(3, teacher());
    assertThat(tried).hasSize(3).extracting(SearchMemory.Candidate::name).doesNotHaveDuplicates();
    long macs = Models.network(EvaluationFixture.NETWORK, EvaluationFixture.DATASET).macs();
    assertThat(tried).allSatisfy(c -> assertThat(c.macsPerStep()).contains((double) macs));
    assertThat(frontier).isNotEmpty();
    assertThat(said.get(0)).startsWith("schedules-searched: 3 schedules, ");
    String report = reports.text("frontier.json");
    search(3, teacher());
    assertThat(tried).as("none is measured again").hasSize(3);
    assertThat(reports.text("frontier.json")).isEqualTo(report);
  }

  @Test
  void shouldSayThatAModelOfUnknownCostCannotBeSearchedWith() throws IOException {
    ModelRef archive =
        new ModelRef(ModelKey.TEACHER, Optional.empty(), new TimestepRange(0, 100), "m", "m", 0);
    search(3, archive);
    assertThat(tried).isEmpty();
    assertThat(said)
        .singleElement()
        .asString()
        .contains("those of teacher, a TorchScript file, are unknown");
  }

  @Test
  void shouldKeepNoDistanceThatWasStopped() {
    scope.stop();
    assertThatThrownBy(() -> search(3, teacher())).hasMessage("stopped");
    assertThat(tried).isEmpty();
  }

  private final class Memory implements SearchMemory {
    @Override
    public void record(String experimentId, Search search, Candidate candidate) {
      tried.add(candidate);
    }

    @Override
    public Map<String, Double> resume(String experimentId, Search search, Estimator estimator) {
      Map<String, Double> known = new HashMap<>();
      tried.forEach(candidate -> known.put(candidate.name(), candidate.distance()));
      return known;
    }

    @Override
    public void recordFrontier(String experimentId, Search search, List<String> names) {
      frontier.addAll(names);
    }
  }
}
