package dev.atelier.merging;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.merging.MergePlan.Tried;
import dev.atelier.merging.SearchMemory.Search;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.work.Scope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Finds what to join: as the spec says, or by the distance of what would come of it. */
final class MergePlanner {

  private final Distances distances;
  private final StudentWeights weights;
  private final Joining task;
  private final Scope scope;

  MergePlanner(Distances distances, StudentWeights weights, Scope scope) {
    this.distances = distances;
    this.weights = weights;
    this.task = weights.task();
    this.scope = scope;
  }

  MergePlan plan() throws IOException {
    return switch (task.merge().kind()) {
      case NONE -> throw new IllegalArgumentException("Nothing to merge: merge.kind is none.");
      case AVERAGE -> MergePlan.ofAll(all(), Optional.empty());
      case TASK_ARITHMETIC ->
          task.merge().searches()
              ? taskArithmetic()
              : MergePlan.ofAll(all(), Optional.of(task.merge().weights()));
      case GREEDY -> greedy();
    };
  }

  private List<Integer> all() {
    return IntStream.range(0, task.students().size()).boxed().toList();
  }

  private MergePlan taskArithmetic() throws IOException {
    try (SampledDistance distance = sampled()) {
      CandidateDistance<List<Double>> measured =
          factors ->
              distance.of(
                  List.of(
                      owned(write(weights.taskArithmetic(factors), "candidate"), task.whole())));
      WeightSearch.Result result =
          WeightSearch.search(
              starts(),
              task.merge().evaluations(),
              new SeededRandom(task.seed()),
              remembered(
                  new Distances.Described<>(
                      List::toString,
                      factors -> List.of(Owner.of(task.whole(), "merged-1")),
                      factors -> macs()),
                  measured));
      return new MergePlan(
          List.of(all()),
          Optional.of(result.best().weights()),
          Optional.empty(),
          result.candidates().stream()
              .map(c -> new Tried(c.weights().toString(), c.distance()))
              .toList());
    }
  }

  /** Equal weights, and weights in proportion to the length of the ranges. */
  private List<List<Double>> starts() {
    int n = task.students().size();
    double timesteps = task.whole().length();
    return Stream.of(
            Collections.nCopies(n, 1.0 / n),
            task.students().stream().map(s -> s.range().length() / timesteps).toList())
        .distinct()
        .toList();
  }

  private MergePlan greedy() throws IOException {
    MergeSpec spec = task.merge();
    long bytes = weights.bytes();
    int students = task.students().size();
    try (SampledDistance distance = sampled()) {
      GreedyMerging.Result result =
          GreedyMerging.merge(
              students,
              bytes,
              new GreedyMerging.Bounds(
                  spec.budgetBytes(bytes * students),
                  spec.largestIncrease().orElse(Double.POSITIVE_INFINITY),
                  spec.evaluations()),
              remembered(
                  new Distances.Described<>(task::named, this::ownersOf, groups -> macs()),
                  ofGroups(distance)));
      return new MergePlan(
          result.merged().groups(),
          Optional.empty(),
          Optional.of(result.end()),
          result.candidates().stream()
              .map(c -> new Tried(task.named(c.groups()), c.distance()))
              .toList());
    }
  }

  private List<Owner> ownersOf(List<List<Integer>> groups) {
    return groups.stream()
        .map(group -> Owner.of(task.rangeOf(group), task.named(List.of(group))))
        .toList();
  }

  /** Each group is merged and written once. */
  private CandidateDistance<List<List<Integer>>> ofGroups(SampledDistance distance) {
    Map<List<Integer>, Path> archives = new HashMap<>();
    return groups -> {
      List<OwnedModel> owned = new ArrayList<>();
      for (List<Integer> group : groups) {
        Path archive = archives.get(group);
        if (archive == null) {
          archive = write(weights.average(group), "group-" + group);
          archives.put(group, archive);
        }
        owned.add(owned(archive, task.rangeOf(group)));
      }
      return distance.of(owned);
    };
  }

  private SampledDistance sampled() throws IOException {
    return distances.sampled(task.measure(), "merge.samples", task.merge().samples(), scope);
  }

  private <C> CandidateDistance<C> remembered(
      Distances.Described<C> described, CandidateDistance<C> measured) {
    return distances.remembered(
        new Distances.SearchRun(task.experimentId(), Search.MERGE, task.merge().evaluations()),
        described,
        measured,
        scope);
  }

  private Optional<Double> macs() {
    return Optional.of((double) weights.network().macs());
  }

  private Path write(Map<String, HostTensor> merged, String name) throws IOException {
    Path file = scope.path().resolve(name + ".pt");
    TorchScriptArchive.write(
        file,
        weights
            .network()
            .inferenceModule("UNet", merged, distances.device().form(), Precision.FP32));
    return file;
  }

  private OwnedModel owned(Path archive, TimestepRange range) {
    Network network = weights.network();
    return new OwnedModel(
        archive,
        range,
        task.predicted(),
        Optional.of(network.macs()),
        Optional.of(network.activationBytes()),
        task.guidance());
  }
}
