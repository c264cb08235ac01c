package dev.atelier.api.experiment.overview;

import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.StoredExperiment;
import dev.atelier.api.experiment.artifact.ArtifactRepository;
import dev.atelier.api.experiment.evaluation.EvaluationRepository;
import dev.atelier.api.experiment.evaluation.EvaluationView;
import dev.atelier.api.experiment.model.CurveRepository;
import dev.atelier.api.experiment.model.ModelRepository;
import dev.atelier.api.experiment.model.ModelView;
import dev.atelier.api.export.Table;
import dev.atelier.api.history.Condition;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Operator;
import dev.atelier.api.history.QueryField;
import dev.atelier.api.history.Sort;
import dev.atelier.api.parameter.PageParameters;
import dev.atelier.api.project.ProjectRepository;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.api.worker.ExperimentWork;
import dev.atelier.api.worker.WorkerRepository;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NormGroups;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Protocol;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What there is to see of experiments: in lists, beside one another, and each as a whole. */
@ApplicationScoped
class OverviewService {

  private final ExperimentRepository experiments;
  private final ExperimentList lists;
  private final ModelRepository models;
  private final CurveRepository curves;
  private final EvaluationRepository evaluations;
  private final ArtifactRepository artifacts;
  private final DistillationRuns runs;
  private final WorkerRepository workers;
  private final Projects projects;
  private final ProjectRepository ofProjects;

  OverviewService(
      ExperimentRepository experiments,
      ExperimentList lists,
      ModelRepository models,
      CurveRepository curves,
      EvaluationRepository evaluations,
      ArtifactRepository artifacts,
      DistillationRuns runs,
      WorkerRepository workers,
      Projects projects,
      ProjectRepository ofProjects) {
    this.experiments = experiments;
    this.lists = lists;
    this.models = models;
    this.curves = curves;
    this.evaluations = evaluations;
    this.artifacts = artifacts;
    this.runs = runs;
    this.workers = workers;
    this.projects = projects;
    this.ofProjects = ofProjects;
  }

  ExperimentPage list(HistoryQuery query, Sort sort, Optional<Cursor> after, int limit) {
    List<ExperimentList.Row> rows = lists.list(query, sort, after, limit + 1, this::links);
    boolean more = rows.size() > limit;
    List<ExperimentSummary> page =
        rows.stream().limit(limit).map(ExperimentList.Row::experiment).toList();
    return new ExperimentPage(
        page,
        more ? Optional.of(rows.get(limit - 1).cursor().encode()) : Optional.empty(),
        incomparable(page.stream().map(ExperimentSummary::id).toList()));
  }

  /** Every experiment that the query describes. */
  Table table(HistoryQuery query, Sort sort) {
    return ExperimentTable.of(
        after ->
            list(
                query,
                sort,
                after.flatMap(text -> Cursor.decode(text, sort)),
                PageParameters.MOST));
  }

  private Links links(String id) {
    return Links.of(id, runs.page(id));
  }

  /** Why figures of these experiments don't compare; mostly empty. */
  private List<String> incomparable(List<String> ids) {
    return Protocol.warning(evaluations.protocols(ids)).stream().toList();
  }

  ExperimentView show(String id) {
    StoredExperiment row = experiments.existing(id);
    List<ModelView> ofExperiment = models.models(row);
    List<String> warnings = new ArrayList<>();
    row.dataset().flatMap(DatasetRef::loss).ifPresent(loss -> warnings.add(loss + "."));
    warnings.addAll(incomparable(List.of(id)));
    unasked(row.spec(), ofExperiment).ifPresent(warnings::add);
    row.spec().guidedCutWarning().ifPresent(warnings::add);
    List<ExperimentWork> doing = row.stage().terminal() ? List.of() : workers.of(id);
    if (!row.stage().terminal()) {
      workers.unserved(row.spec().compute()).ifPresent(warnings::add);
      if (doing.isEmpty() && !row.paused()) {
        workers.busy(row.spec().compute()).ifPresent(warnings::add);
      }
      warnings.addAll(ofProjects.waits(id));
    }
    return ExperimentViewBuilder.builder()
        .id(id)
        .name(row.name())
        .stage(row.stage())
        .error(row.error())
        .labels(row.labels())
        .dataset(row.dataset())
        .createdAt(row.createdAt())
        .updatedAt(row.updatedAt())
        .finishedAt(row.finishedAt())
        .models(ofExperiment)
        .evaluations(evaluations.evaluations(id))
        .artifacts(artifacts.artifacts(id))
        .spec(NormGroups.asWritten(row.spec()))
        .links(links(id))
        .warnings(warnings)
        .schedules(evaluations.schedules(id))
        .paused(row.paused())
        .project(row.project())
        .doing(doing)
        .build();
  }

  /** The students that no step of the sampler asks, in a sentence, once their ranges are known. */
  private static Optional<String> unasked(ExperimentSpec spec, List<ModelView> models) {
    List<ModelView> students = models.stream().filter(m -> m.key().student().isPresent()).toList();
    return students.stream().allMatch(m -> m.visits().isPresent())
        ? spec.visits(students.stream().map(ModelView::range).toList()).warning()
        : Optional.empty();
  }

  /** Experiments beside one another. */
  Comparison compare(List<String> ids) {
    List<String> seen = projects.visibleExperiments(ids);
    ids.stream()
        .filter(id -> !seen.contains(id))
        .findFirst()
        .ifPresent(
            id -> {
              throw ExperimentRepository.unknown(id);
            });
    List<StoredExperiment> rows = ids.stream().map(experiments::existing).toList();
    List<Map<String, Double>> figures = ids.stream().map(this::figures).toList();
    return new Comparison(
        ids.stream().map(this::summary).toList(),
        Comparison.differences(rows.stream().map(StoredExperiment::spec).toList()),
        Comparison.figures(figures),
        incomparable(ids));
  }

  private ExperimentSummary summary(String id) {
    HistoryQuery one = HistoryQuery.of(new Condition.OfText(QueryField.Own.ID, Operator.EQUAL, id));
    return lists.list(one, Sort.NEWEST, Optional.empty(), 1, this::links).get(0).experiment();
  }

  /** Every figure of every subject, by name. */
  private Map<String, Double> figures(String id) {
    Map<String, Double> figures = new TreeMap<>();
    for (EvaluationView evaluation : evaluations.evaluations(id)) {
      String subject = evaluation.subject() + ".";
      evaluation.distance().ifPresent(d -> figures.put(subject + "distance", d));
      evaluation.macsPerStep().ifPresent(m -> figures.put(subject + "macsPerStep", m));
      figures.put(subject + "parameters", (double) evaluation.parameters());
      figures.put(subject + "imagesPerSecond", evaluation.imagesPerSecond());
      evaluation.weightsBytes().ifPresent(w -> figures.put(subject + "weightsBytes", (double) w));
      evaluation.metrics().forEach((name, value) -> figures.put(subject + name, value));
    }
    return figures;
  }

  Map<String, List<Double>> losses(List<String> ids, int points) {
    return curves.losses(projects.visibleExperiments(ids), points);
  }
}
