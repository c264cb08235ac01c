package dev.atelier.merging;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.merging.MergePlan.Tried;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.SpecWord;
import dev.atelier.training.Ensembles;
import dev.atelier.training.Models;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Notices;
import dev.atelier.work.Scope;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.Merged;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Merges students into fewer models; students that cannot be merged are no failure. */
public record Merger(
    Distances distances,
    Models models,
    Ensembles ensembles,
    MergedModels kept,
    ExperimentFiles files,
    Notices notices) {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  /** {@code merge.json}. */
  private record MergeReport(
      MergeSpec.Kind kind,
      List<MergedGroup> models,
      Optional<List<Double>> weights, // of task arithmetic
      Optional<GreedyMerging.End> end, // of greedy
      Optional<SearchProtocol> protocol, // of what follows
      List<Tried> candidates) {}

  /** A model of the ensemble, and the students it is made of. */
  private record MergedGroup(Owner owner, List<String> students) {}

  /** The ensemble after merging; of no models: an event says why. */
  public Merged merge(Merge task, Scope scope) throws IOException {
    distances.device().use();
    Joining joining = Joining.of(task, ensembles.read(task.students()));
    Optional<String> refusal = joining.refusal();
    if (refusal.isPresent()) {
      return refused(task, refusal.get());
    }
    try {
      return merge(joining, scope);
    } catch (EvaluationException e) {
      return refused(task, e.getMessage());
    }
  }

  private Merged refused(Merge task, String why) {
    notices.record(task.experimentId(), EventKind.MERGE_REFUSED, why);
    return new Merged(new EnsembleRef(List.of()));
  }

  private Merged merge(Joining task, Scope scope) throws IOException {
    StudentWeights weights = StudentWeights.of(task, models, distances.files());
    MergePlan plan = new MergePlanner(distances, weights, scope).plan();
    scope.describe("storing merged models");
    List<ModelRef> merged = join(plan, weights, scope);
    List<MergedGroup> described = described(task, plan, merged);
    report(task, plan, described);
    return new Merged(new EnsembleRef(List.of(ensembles.keep(task.experimentId(), merged))));
  }

  /** A model for each group; a student that stays alone is that model. */
  private List<ModelRef> join(MergePlan plan, StudentWeights weights, Scope scope)
      throws IOException {
    Joining task = weights.task();
    List<ModelRef> merged = new ArrayList<>();
    int m = 1;
    for (List<Integer> group : plan.groups()) {
      if (group.size() == 1) {
        merged.add(task.students().get(group.get(0)));
        continue;
      }
      Map<String, HostTensor> joined =
          plan.weights().isPresent()
              ? weights.taskArithmetic(plan.weights().get())
              : weights.average(group);
      merged.add(
          kept.keep(
              task.experimentId(),
              m++,
              new MergedModels.Merged(
                  task.students().get(group.get(0)).network(),
                  task.rangeOf(group),
                  task.stepOf(group),
                  joined,
                  task.merge()),
              scope.path()));
    }
    return merged;
  }

  private static List<MergedGroup> described(Joining task, MergePlan plan, List<ModelRef> merged) {
    List<MergedGroup> described = new ArrayList<>();
    for (int i = 0; i < merged.size(); i++) {
      described.add(
          new MergedGroup(
              Owner.of(merged.get(i).range(), merged.get(i).key().value()),
              plan.groups().get(i).stream()
                  .map(student -> task.students().get(student).key().value())
                  .toList()));
    }
    return described;
  }

  private void report(Joining task, MergePlan plan, List<MergedGroup> described)
      throws IOException {
    MergeSpec spec = task.merge();
    byte[] report =
        JSON.writeValueAsBytes(
            new MergeReport(
                spec.kind(),
                described,
                plan.weights(),
                plan.end(),
                spec.searches()
                    ? Optional.of(SearchProtocol.of(task.measure(), spec.samples()))
                    : Optional.empty(),
                plan.candidates()));
    files.keepReport(task.experimentId(), "merge.json", "application/json", report);
    notices.record(
        task.experimentId(),
        EventKind.MERGED,
        "%d students into %d models by %s%s%s: %s"
            .formatted(
                task.students().size(),
                described.size(),
                SpecWord.of(spec.kind()),
                plan.end().map(Merger::explained).orElse(""),
                spec.searches() ? ", " + SearchProtocol.ranked(spec.samples()) : "",
                described.stream()
                    .map(g -> "%s of %s".formatted(g.owner().model(), g.students()))
                    .collect(Collectors.joining(", "))));
  }

  private static String explained(GreedyMerging.End end) {
    return switch (end) {
      case BUDGET_MET -> ", as the memory budget needs";
      case TOO_COSTLY -> ", as every further merge costs more than merge.largestIncrease";
      case EVALUATIONS_SPENT -> ", as merge.evaluations are spent";
      case ONE_LEFT -> ", although the memory budget is less than one model";
    };
  }
}
