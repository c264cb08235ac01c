package dev.atelier.worker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.StoredDatasets;
import dev.atelier.artifacts.StoredEnsembles;
import dev.atelier.artifacts.StoredExperimentFiles;
import dev.atelier.artifacts.TrainedModels;
import dev.atelier.artifacts.WorkDirectory;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.merging.CandidateDistance;
import dev.atelier.merging.GreedyMerging;
import dev.atelier.merging.ScheduleSearch;
import dev.atelier.merging.WeightMerging;
import dev.atelier.merging.WeightSearch;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.SpecWord;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.SearchHistory;
import dev.atelier.store.SearchHistory.Search;
import dev.atelier.store.Sha256;
import dev.atelier.store.TrainingEnvironment;
import dev.atelier.training.Checkpoint.Part;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.version.CodeVersion;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.MergingActivities;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.EventKind;
import io.temporal.activity.Activity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;

/** Merges students, and searches for schedules; distances that are known are not measured again. */
final class MergingActivitiesImpl implements MergingActivities {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  private final WorkerConfig.Worker config;
  private final ObjectStore store;
  private final EventHistory events;
  private final SearchHistory searches;
  private final StoredExperimentFiles files;
  private final ArtifactCache cache;
  private final StoredDatasets datasets;
  private final TrainedModels models;
  private final StoredEnsembles ensembles;
  private final BooleanSupplier draining;

  MergingActivitiesImpl(
      WorkerConfig.Worker config,
      ObjectStore store,
      DataSource database,
      ArtifactCache cache,
      BooleanSupplier draining) {
    this.config = config;
    this.store = store;
    this.events = new EventHistory(database);
    this.searches = new SearchHistory(database);
    this.files = new StoredExperimentFiles(store, new ArtifactHistory(database));
    this.cache = cache;
    this.datasets = new StoredDatasets(store, cache);
    this.models = new TrainedModels(store, cache);
    this.ensembles = new StoredEnsembles(store);
    this.draining = draining;
  }

  /** A model and the timesteps it owns, as rows and files have it. */
  record Owner(int low, int high, String model) {
    static Owner of(TimestepRange range, String model) {
      return new Owner(range.low(), range.high(), model);
    }
  }

  /** How the distances of a search were measured; they compare only with one another. */
  private record SearchProtocol(
      String metric,
      Estimator estimator,
      String extractorSha256,
      String referenceSha256,
      int samples,
      SamplerSpec sampler,
      long seed,
      Optional<Classes> classes) {

    static SearchProtocol of(Measure with, int samples) {
      return new SearchProtocol(
          ShardComparison.metricName(with.extractor(), with.evaluation(), with.reference()),
          SampledDistance.ESTIMATOR,
          with.extractor().sha256(),
          with.reference().sha256(),
          samples,
          with.evaluation().sampler(),
          with.evaluation().seed(),
          with.dataset().classes() > 0
              ? Optional.of(with.evaluation().classes())
              : Optional.empty());
    }
  }

  // ---- merging ----

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

  private record Tried(String name, double distance) {}

  /** What to join: students by number from 0 in each group, and a weight for each if not equal. */
  private record Plan(
      List<List<Integer>> groups,
      Optional<List<Double>> weights,
      Optional<GreedyMerging.End> end,
      List<Tried> candidates) {}

  /** {@link Merge} with the students themselves, in order of their ranges. */
  record Joining(
      String experimentId, long seed, MergeSpec merge, Measure measure, List<ModelRef> students) {}

  @Override
  public Merged merge(Merge task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("merge-")) {
            Libtorch.useThreads(config.threads());
            Joining joining =
                new Joining(
                    task.experimentId(),
                    task.seed(),
                    task.merge(),
                    task.measure(),
                    ensembles.read(task.students()));
            Optional<String> refusal = refusal(joining);
            if (refusal.isPresent()) {
              return refused(task, refusal.get());
            }
            try {
              return merge(joining, work.path(), heartbeat);
            } catch (EvaluationException e) {
              return refused(task, e.getMessage());
            }
          }
        });
  }

  private Merged refused(Merge task, String why) {
    events.record(task.experimentId(), EventKind.MERGE_REFUSED, why);
    return new Merged(new EnsembleRef(List.of()));
  }

  /** Why these students can't be merged. */
  static Optional<String> refusal(Joining task) {
    ModelRef first = task.students().get(0);
    for (ModelRef other : task.students()) {
      boolean same =
          first.network().isPresent()
              && other.network().isPresent()
              && TrainedModels.network(first.network().get(), task.measure().dataset())
                  .computesAs(
                      TrainedModels.network(other.network().get(), task.measure().dataset()));
      if (!same) {
        return Optional.of(
            "Students of different networks cannot be merged: expected the network of %s for all, found another for %s."
                .formatted(first.key(), other.key()));
      }
      boolean needsStart = task.merge().kind() != MergeSpec.Kind.GREEDY;
      if (needsStart && (first.start().isEmpty() || !first.start().equals(other.start()))) {
        return Optional.of(
            "Students that did not start from the same weights cannot be merged by %s: %s and %s differ. Greedy merging, which measures what each merge costs, can try them."
                .formatted(SpecWord.of(task.merge().kind()), first.key(), other.key()));
      }
    }
    return Optional.empty();
  }

  private Merged merge(Joining task, Path work, Heartbeat heartbeat) throws IOException {
    List<ModelRef> students = task.students();
    Network network =
        TrainedModels.network(students.get(0).network().orElseThrow(), task.measure().dataset());
    List<Map<String, HostTensor>> weights = new ArrayList<>();
    for (ModelRef student : students) {
      weights.add(models.weights(student, network));
    }
    Plan plan =
        switch (task.merge().kind()) {
          case NONE -> throw new IllegalArgumentException("Nothing to merge: merge.kind is none.");
          case AVERAGE ->
              new Plan(List.of(all(students)), Optional.empty(), Optional.empty(), List.of());
          case TASK_ARITHMETIC -> taskArithmetic(task, network, weights, work, heartbeat);
          case GREEDY -> greedy(task, network, weights, work, heartbeat);
        };
    heartbeat.describe(() -> "storing merged models");
    List<ModelRef> merged = new ArrayList<>();
    List<MergedGroup> described = new ArrayList<>();
    int m = 1;
    for (List<Integer> group : plan.groups()) {
      ModelRef model;
      if (group.size() == 1) {
        model = students.get(group.get(0));
      } else {
        Map<String, HostTensor> joined =
            plan.weights().isPresent()
                ? taskArithmetic(task, weights, plan.weights().get())
                : average(weights, group);
        model = keep(task, m++, group, joined, work);
      }
      merged.add(model);
      described.add(
          new MergedGroup(
              Owner.of(model.range(), model.key().value()),
              group.stream().map(i -> students.get(i).key().value()).toList()));
    }
    keepReport(
        task.experimentId(),
        "merge.json",
        new MergeReport(
            task.merge().kind(),
            described,
            plan.weights(),
            plan.end(),
            task.merge().searches()
                ? Optional.of(SearchProtocol.of(task.measure(), task.merge().samples()))
                : Optional.empty(),
            plan.candidates()));
    events.record(
        task.experimentId(),
        EventKind.MERGED,
        "%d students into %d models by %s%s%s: %s"
            .formatted(
                students.size(),
                merged.size(),
                SpecWord.of(task.merge().kind()),
                plan.end().map(MergingActivitiesImpl::explained).orElse(""),
                task.merge().searches() ? ", " + ranked(task.merge().samples()) : "",
                described.stream()
                    .map(g -> "%s of %s".formatted(g.owner().model(), g.students()))
                    .collect(Collectors.joining(", "))));
    return new Merged(new EnsembleRef(List.of(ensembles.keep(task.experimentId(), merged))));
  }

  private static String ranked(int samples) {
    return "ranked by the %s, from %d images each"
        .formatted(SampledDistance.ESTIMATOR.label(), samples);
  }

  private static String explained(GreedyMerging.End end) {
    return switch (end) {
      case BUDGET_MET -> ", as the memory budget needs";
      case TOO_COSTLY -> ", as every further merge costs more than merge.largestIncrease";
      case EVALUATIONS_SPENT -> ", as merge.evaluations are spent";
      case ONE_LEFT -> ", although the memory budget is less than one model";
    };
  }

  private static List<Integer> all(List<ModelRef> students) {
    return IntStream.range(0, students.size()).boxed().toList();
  }

  private static Map<String, HostTensor> average(
      List<Map<String, HostTensor>> weights, List<Integer> group) {
    return WeightMerging.average(group.stream().map(weights::get).toList());
  }

  private Map<String, HostTensor> taskArithmetic(
      Joining task, List<Map<String, HostTensor>> weights, List<Double> factors)
      throws IOException {
    var start = task.students().get(0).start().orElseThrow();
    return WeightMerging.taskArithmetic(
        SafetensorsFile.read(cache.file(start.objectKey(), start.sha256())).tensors(),
        weights,
        factors);
  }

  private Plan taskArithmetic(
      Joining task,
      Network network,
      List<Map<String, HostTensor>> weights,
      Path work,
      Heartbeat heartbeat)
      throws IOException {
    List<List<Integer>> groups = List.of(all(task.students()));
    if (!task.merge().searches()) {
      return new Plan(groups, Optional.of(task.merge().weights()), Optional.empty(), List.of());
    }
    try (SampledDistance distance =
        new SampledDistance(
            config,
            cache,
            datasets,
            task.measure(),
            "merge.samples",
            task.merge().samples(),
            () -> stops(heartbeat))) {
      CandidateDistance<List<Double>> measured =
          factors ->
              distance.of(
                  List.of(
                      owned(
                          write(network, taskArithmetic(task, weights, factors), work, "candidate"),
                          network,
                          whole(task),
                          predicted(task))));
      WeightSearch.Result result =
          WeightSearch.search(
              starts(task),
              task.merge().evaluations(),
              new SeededRandom(task.seed()),
              remembering(
                  task.experimentId(),
                  Search.MERGE,
                  task.merge().evaluations(),
                  List::toString,
                  factors -> List.of(Owner.of(whole(task), "merged-1")),
                  factors -> Optional.of((double) network.macs()),
                  measured,
                  heartbeat));
      return new Plan(
          groups,
          Optional.of(result.best().weights()),
          Optional.empty(),
          result.candidates().stream()
              .map(c -> new Tried(c.weights().toString(), c.distance()))
              .toList());
    }
  }

  /** Equal weights, and weights in proportion to the length of the ranges. */
  private static List<List<Double>> starts(Joining task) {
    int n = task.students().size();
    double timesteps = whole(task).length();
    return Stream.of(
            Collections.nCopies(n, 1.0 / n),
            task.students().stream().map(s -> s.range().length() / timesteps).toList())
        .distinct()
        .toList();
  }

  private static TimestepRange whole(Joining task) {
    return new TimestepRange(0, task.measure().diffusion().timesteps());
  }

  private Plan greedy(
      Joining task,
      Network network,
      List<Map<String, HostTensor>> weights,
      Path work,
      Heartbeat heartbeat)
      throws IOException {
    MergeSpec spec = task.merge();
    long bytes = WeightMerging.bytes(weights.get(0));
    Map<List<Integer>, Path> archives = new HashMap<>();
    try (SampledDistance distance =
        new SampledDistance(
            config,
            cache,
            datasets,
            task.measure(),
            "merge.samples",
            spec.samples(),
            () -> stops(heartbeat))) {
      CandidateDistance<List<List<Integer>>> measured =
          groups -> {
            List<OwnedModel> owned = new ArrayList<>();
            for (List<Integer> group : groups) {
              Path archive = archives.get(group);
              if (archive == null) {
                archive = write(network, average(weights, group), work, "group-" + group);
                archives.put(group, archive);
              }
              owned.add(owned(archive, network, rangeOf(task, group), predicted(task)));
            }
            return distance.of(owned);
          };
      GreedyMerging.Result result =
          GreedyMerging.merge(
              task.students().size(),
              bytes,
              new GreedyMerging.Bounds(
                  spec.budgetBytes(bytes * task.students().size()),
                  spec.largestIncrease().orElse(Double.POSITIVE_INFINITY),
                  spec.evaluations()),
              remembering(
                  task.experimentId(),
                  Search.MERGE,
                  spec.evaluations(),
                  groups -> named(task, groups),
                  groups ->
                      groups.stream()
                          .map(g -> Owner.of(rangeOf(task, g), named(task, List.of(g))))
                          .toList(),
                  groups -> Optional.of((double) network.macs()),
                  measured,
                  heartbeat));
      return new Plan(
          result.merged().groups(),
          Optional.empty(),
          Optional.of(result.end()),
          result.candidates().stream()
              .map(c -> new Tried(named(task, c.groups()), c.distance()))
              .toList());
    }
  }

  private static TimestepRange rangeOf(Joining task, List<Integer> group) {
    return new TimestepRange(
        task.students().get(group.get(0)).range().low(),
        task.students().get(group.get(group.size() - 1)).range().high());
  }

  /** Such as {@code student-1+student-2, student-3}. */
  private static String named(Joining task, List<List<Integer>> groups) {
    return groups.stream()
        .map(
            group ->
                group.stream()
                    .map(i -> task.students().get(i).key().value())
                    .collect(Collectors.joining("+")))
        .collect(Collectors.joining(", "));
  }

  /** Stores a merged model as a checkpoint of its EMA weights alone. */
  private ModelRef keep(
      Joining task, int m, List<Integer> group, Map<String, HostTensor> weights, Path work)
      throws IOException {
    ModelRef first = task.students().get(group.get(0));
    int step = group.stream().mapToInt(i -> task.students().get(i).step()).max().orElseThrow();
    Path file = work.resolve(Part.EMA.fileName());
    SafetensorsFile.write(file, weights, Map.of("part", "ema"));
    String sha256 = Sha256.of(file);
    String prefix = ExperimentKeys.merged(task.experimentId(), m, sha256);
    String key = prefix + Part.EMA.fileName();
    store.put(key, file, "application/octet-stream");
    byte[] manifest =
        new CheckpointManifest(
                step,
                Sha256.of(task.merge().toString().getBytes(StandardCharsets.UTF_8)),
                CodeVersion.MERGING.current(),
                Optional.of(TrainingEnvironment.here(config.device(), config.threads())),
                List.of(new StoredFile(Part.EMA.fileName(), key, sha256, Files.size(file))))
            .toJson();
    store.put(prefix + "manifest.json", manifest, "application/json");
    return new ModelRef(
        ModelKey.merged(m),
        first.network(),
        rangeOf(task, group),
        prefix + "manifest.json",
        Sha256.of(manifest),
        step);
  }

  private Path write(Network network, Map<String, HostTensor> weights, Path work, String name)
      throws IOException {
    Path file = work.resolve(name + ".pt");
    TorchScriptArchive.write(
        file,
        network.inferenceModule("UNet", weights, NetworkForm.of(config.device()), Precision.FP32));
    return file;
  }

  private static OwnedModel owned(
      Path archive, Network network, TimestepRange range, Prediction predicts) {
    return new OwnedModel(
        archive,
        range,
        predicts,
        Optional.of(network.macs()),
        Optional.of(network.activationBytes()));
  }

  private static Prediction predicted(Joining task) {
    return task.measure().diffusion().studentsPredict();
  }

  // ---- schedules ----

  /** {@code frontier.json}. */
  private record FrontierReport(SearchProtocol protocol, List<ScheduleTried> schedules) {}

  private record ScheduleTried(
      List<Owner> owners, double distance, double macsPerStep, boolean frontier) {}

  /** {@link SearchSchedule} with the students themselves, in order of their ranges. */
  record Searching(
      String experimentId,
      long seed,
      ScheduleSearchSpec search,
      Measure measure,
      ModelRef teacher,
      List<ModelRef> students,
      List<ModelRef> oneToOne) {}

  @Override
  public void searchSchedule(SearchSchedule task) {
    Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("search-")) {
            Libtorch.useThreads(config.threads());
            try {
              searchSchedule(
                  new Searching(
                      task.experimentId(),
                      task.seed(),
                      task.search(),
                      task.measure(),
                      task.teacher(),
                      ensembles.read(task.students()),
                      task.oneToOne()),
                  work.path(),
                  heartbeat);
            } catch (EvaluationException e) {
              events.record(task.experimentId(), EventKind.SEARCH_REFUSED, e.getMessage());
            }
            return null;
          }
        });
  }

  private void searchSchedule(Searching task, Path work, Heartbeat heartbeat) throws IOException {
    Measure with = task.measure();
    Map<String, OwnedModel> byName = new HashMap<>();
    for (ModelRef model :
        Stream.of(List.of(task.teacher()), task.students(), task.oneToOne())
            .flatMap(List::stream)
            .toList()) {
      Optional<Network> network = TrainedModels.network(model, with.dataset());
      if (network.isEmpty()) {
        events.record(
            task.experimentId(),
            EventKind.SEARCH_REFUSED,
            "A search for schedules needs the multiply-accumulates of every model; those of %s, a TorchScript file, are unknown."
                .formatted(model.key()));
        return;
      }
      byName.put(
          model.key().value(),
          owned(
              models.archive(model, with.dataset(), work, NetworkForm.of(config.device())),
              network.get(),
              model.range(),
              model.predicts(with.diffusion())));
    }
    List<TimestepRange> ranges = task.students().stream().map(ModelRef::range).toList();
    List<List<String>> options = options(task);
    List<String> students = task.students().stream().map(s -> s.key().value()).toList();
    ToDoubleFunction<List<String>> macs = macsPerStep(with, ranges, byName);
    List<ScheduleSearch.Candidate> tried;
    try (SampledDistance distance =
        new SampledDistance(
            config,
            cache,
            datasets,
            with,
            "search.samples",
            task.search().samples(),
            () -> stops(heartbeat))) {
      CandidateDistance<List<String>> measured =
          owners ->
              distance.of(
                  joined(ranges, owners).stream()
                      .map(owner -> ownerOf(byName.get(owner.model()), owner))
                      .toList());
      tried =
          ScheduleSearch.search(
              options,
              ScheduleSearch.starts(students, options),
              task.search().evaluations(),
              new SeededRandom(task.seed()),
              macs,
              remembering(
                  task.experimentId(),
                  Search.SCHEDULE,
                  task.search().evaluations(),
                  owners -> String.join(", ", owners),
                  owners -> joined(ranges, owners),
                  owners -> Optional.of(macs.applyAsDouble(owners)),
                  measured,
                  heartbeat));
    }
    List<ScheduleSearch.Candidate> frontier = ScheduleSearch.frontier(tried);
    searches.recordFrontier(
        task.experimentId(),
        Search.SCHEDULE,
        frontier.stream().map(c -> String.join(", ", c.owners())).toList());
    events.record(
        task.experimentId(),
        EventKind.SCHEDULES_SEARCHED,
        "%d schedules, %d of them on the frontier, %s"
            .formatted(tried.size(), frontier.size(), ranked(task.search().samples())));
    keepReport(
        task.experimentId(),
        "frontier.json",
        new FrontierReport(
            SearchProtocol.of(with, task.search().samples()),
            tried.stream()
                .map(
                    c ->
                        new ScheduleTried(
                            joined(ranges, c.owners()),
                            c.distance(),
                            c.macsPerStep(),
                            frontier.contains(c)))
                .toList()));
  }

  /**
   * Who may own the range of each student: that student, its neighbours (for which p left some
   * knowledge of other timesteps), the teacher and the one-to-one student.
   */
  static List<List<String>> options(Searching task) {
    List<List<String>> options = new ArrayList<>();
    List<ModelRef> students = task.students();
    for (int i = 0; i < students.size(); i++) {
      options.add(
          Stream.of(
                  students.subList(Math.max(0, i - 1), Math.min(students.size(), i + 2)),
                  List.of(task.teacher()),
                  task.oneToOne())
              .flatMap(List::stream)
              .map(m -> m.key().value())
              .distinct()
              .toList());
    }
    return options;
  }

  /** Mean over the sampler's steps of the multiply-accumulates of models asked, for one image. */
  private static ToDoubleFunction<List<String>> macsPerStep(
      Measure with, List<TimestepRange> ranges, Map<String, OwnedModel> byName) {
    int timesteps = with.diffusion().timesteps();
    ModelRanges owned = new ModelRanges(ranges, timesteps);
    SamplerPlan plan = SamplerPlan.of(with.evaluation().sampler(), timesteps);
    int[] asked =
        Sampler.of(with.evaluation().sampler(), NoiseSchedule.of(with.diffusion()))
            .evaluations(plan)
            .stream()
            .mapToInt(e -> owned.owner(e.t()))
            .toArray();
    return owners ->
        (double)
                Arrays.stream(asked)
                    .mapToLong(range -> byName.get(owners.get(range)).macs().orElseThrow())
                    .sum()
            / plan.size();
  }

  /** The schedule with neighbouring ranges of one owner as one. */
  static List<Owner> joined(List<TimestepRange> ranges, List<String> owners) {
    List<Owner> joined = new ArrayList<>();
    for (int i = 0; i < owners.size(); i++) {
      int last = joined.size() - 1;
      if (last >= 0 && joined.get(last).model().equals(owners.get(i))) {
        joined.set(last, new Owner(joined.get(last).low(), ranges.get(i).high(), owners.get(i)));
      } else {
        joined.add(Owner.of(ranges.get(i), owners.get(i)));
      }
    }
    return joined;
  }

  private static OwnedModel ownerOf(OwnedModel model, Owner owner) {
    return new OwnedModel(
        model.archive(),
        new TimestepRange(owner.low(), owner.high()),
        model.predicts(),
        model.macs(),
        model.activationBytes());
  }

  // ---- both ----

  private interface Describing<C, T> {
    T of(C candidate);
  }

  /** {@code measured} with a memory in the database: an attempt goes on where the last one was. */
  private <C> CandidateDistance<C> remembering(
      String experimentId,
      Search search,
      int evaluations,
      Describing<C, String> name,
      Describing<C, List<Owner>> owners,
      Describing<C, Optional<Double>> macs,
      CandidateDistance<C> measured,
      Heartbeat heartbeat) {
    Map<String, Double> known = searches.resume(experimentId, search, SampledDistance.ESTIMATOR);
    AtomicReference<Integer> done = new AtomicReference<>(0);
    heartbeat.describe(() -> "%d of at most %d evaluations".formatted(done.get(), evaluations));
    return candidate -> {
      String key = name.of(candidate);
      Double before = known.get(key);
      double distance = before == null ? measured.of(candidate) : before;
      stopIfAsked(heartbeat);
      if (before == null) {
        searches.record(
            experimentId,
            search,
            new SearchHistory.Candidate(
                key,
                done.get(),
                distance,
                macs.of(candidate),
                json(owners.of(candidate)),
                SampledDistance.ESTIMATOR));
      }
      done.set(done.get() + 1);
      return distance;
    };
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write %s as JSON.".formatted(value), e);
    }
  }

  private void keepReport(String experimentId, String name, Object report) throws IOException {
    files.keepReport(experimentId, name, "application/json", JSON.writeValueAsBytes(report));
  }

  private boolean stops(Heartbeat heartbeat) {
    return draining.getAsBoolean() || heartbeat.ended().isPresent();
  }

  private void stopIfAsked(Heartbeat heartbeat) {
    heartbeat.throwIfEnded();
    if (draining.getAsBoolean()) {
      throw new DrainedException();
    }
  }
}
