package dev.atelier.merging;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.diffusion.AskedModels;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.merging.SearchMemory.Search;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.training.Ensembles;
import dev.atelier.training.Models;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Notices;
import dev.atelier.work.Scope;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** Looks for better schedules of trained models; models that cannot be compared are no failure. */
public record ScheduleFinder(
    Distances distances,
    Models models,
    Ensembles ensembles,
    ExperimentFiles files,
    Notices notices) {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  /** {@code frontier.json}. */
  private record FrontierReport(SearchProtocol protocol, List<ScheduleTried> schedules) {}

  private record ScheduleTried(
      List<Owner> owners, double distance, double macsPerStep, boolean frontier) {}

  /** Keeps every schedule tried, and which are on the frontier of distance against MACs. */
  public void search(SearchSchedule task, Scope scope) throws IOException {
    distances.device().use();
    try {
      search(Searching.of(task, ensembles.read(task.students())), scope);
    } catch (EvaluationException e) {
      notices.record(task.experimentId(), EventKind.SEARCH_REFUSED, e.getMessage());
    }
  }

  private void search(Searching task, Scope scope) throws IOException {
    Optional<ModelRef> unknown =
        task.models().stream().filter(model -> model.network().isEmpty()).findFirst();
    if (unknown.isPresent()) {
      notices.record(
          task.experimentId(),
          EventKind.SEARCH_REFUSED,
          "A search for schedules needs the multiply-accumulates of every model; those of %s, a TorchScript file, are unknown."
              .formatted(unknown.get().key()));
      return;
    }
    report(task, tried(task, owned(task, scope), scope));
  }

  /** The models as archives, by their names. */
  private Map<String, OwnedModel> owned(Searching task, Scope scope) throws IOException {
    Measure with = task.measure();
    Map<String, OwnedModel> byName = new HashMap<>();
    for (ModelRef model : task.models()) {
      byName.put(
          model.key().value(),
          OwnedModel.of(
              model,
              models.archive(model, with.dataset(), scope.path(), distances.device().form()),
              Optional.of(Models.network(model, with.dataset()).orElseThrow()),
              with.diffusion(),
              model.guidance(with.evaluation(), with.distilledGuidance())));
    }
    return byName;
  }

  private List<ScheduleSearch.Candidate> tried(
      Searching task, Map<String, OwnedModel> byName, Scope scope) throws IOException {
    List<TimestepRange> ranges = task.ranges();
    List<List<String>> options = task.options();
    List<String> students = task.students().stream().map(s -> s.key().value()).toList();
    ToDoubleFunction<List<String>> macs = macsPerStep(task.measure(), ranges, byName);
    try (SampledDistance distance =
        distances.sampled(task.measure(), "search.samples", task.search().samples(), scope)) {
      CandidateDistance<List<String>> measured =
          owners ->
              distance.of(
                  Searching.joined(ranges, owners).stream()
                      .map(
                          owner ->
                              byName
                                  .get(owner.model())
                                  .owning(new TimestepRange(owner.low(), owner.high())))
                      .toList());
      return ScheduleSearch.search(
          options,
          ScheduleSearch.starts(students, options),
          task.search().evaluations(),
          new SeededRandom(task.seed()),
          macs,
          distances.remembered(
              new Distances.SearchRun(
                  task.experimentId(), Search.SCHEDULE, task.search().evaluations()),
              new Distances.Described<>(
                  ScheduleFinder::named,
                  owners -> Searching.joined(ranges, owners),
                  owners -> Optional.of(macs.applyAsDouble(owners))),
              measured,
              scope));
    }
  }

  private static String named(List<String> owners) {
    return String.join(", ", owners);
  }

  private static ToDoubleFunction<List<String>> macsPerStep(
      Measure with, List<TimestepRange> ranges, Map<String, OwnedModel> byName) {
    int timesteps = with.diffusion().timesteps();
    SamplerPlan plan = SamplerPlan.of(with.evaluation().sampler(), timesteps);
    Sampler sampler = Sampler.of(with.evaluation().sampler(), NoiseSchedule.of(with.diffusion()));
    AskedModels asked =
        new AskedModels(plan, sampler.evaluations(plan), new ModelRanges(ranges, timesteps));
    return owners ->
        asked.macsPerStep(range -> byName.get(owners.get(range)).macsPerStep().orElseThrow());
  }

  private void report(Searching task, List<ScheduleSearch.Candidate> tried) throws IOException {
    List<ScheduleSearch.Candidate> frontier = ScheduleSearch.frontier(tried);
    distances
        .memory()
        .recordFrontier(
            task.experimentId(),
            Search.SCHEDULE,
            frontier.stream().map(c -> named(c.owners())).toList());
    notices.record(
        task.experimentId(),
        EventKind.SCHEDULES_SEARCHED,
        "%d schedules, %d of them on the frontier, %s"
            .formatted(
                tried.size(), frontier.size(), SearchProtocol.ranked(task.search().samples())));
    byte[] report =
        JSON.writeValueAsBytes(
            new FrontierReport(
                SearchProtocol.of(task.measure(), task.search().samples()),
                tried.stream()
                    .map(
                        c ->
                            new ScheduleTried(
                                Searching.joined(task.ranges(), c.owners()),
                                c.distance(),
                                c.macsPerStep(),
                                frontier.contains(c)))
                    .toList()));
    files.keepReport(task.experimentId(), "frontier.json", "application/json", report);
  }
}
