package dev.atelier.publication;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.ExperimentReport;
import dev.atelier.report.ExperimentReports;
import dev.atelier.report.Report;
import dev.atelier.report.SampleGrid;
import dev.atelier.report.SpecYaml;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.ReportHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.PassedOver;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes an experiment's report, from what the database and the store hold of it. */
public final class Reporting {

  private final ObjectStore store;
  private final ReportHistory history;
  private final EvaluationHistory evaluations;
  private final ArtifactHistory artifacts;
  private final ExperimentFiles files;

  public Reporting(
      ObjectStore store,
      ReportHistory history,
      EvaluationHistory evaluations,
      ArtifactHistory artifacts,
      ExperimentFiles files) {
    this.store = store;
    this.history = history;
    this.evaluations = evaluations;
    this.artifacts = artifacts;
    this.files = files;
  }

  /** Renders the report of an experiment, and keeps its files. */
  public void write(Publish task) {
    String id = task.experimentId();
    List<Evaluation> figures = evaluations.of(id);
    List<SampleGrid> grids = new ArrayList<>();
    for (Evaluation evaluation : figures) {
      artifacts
          .objectKey(id, Artifact.samplesOf(evaluation.subject()))
          .flatMap(store::get)
          .ifPresent(png -> grids.add(new SampleGrid(evaluation.subject(), png)));
    }
    Report report =
        ExperimentReports.render(
            new ExperimentReport(
                id,
                task.spec().name(),
                SpecYaml.of(task.spec()),
                found(task.dataset()),
                task.spec().diffusion().timesteps(),
                history.models(id),
                figures,
                grids,
                history.events(id)));
    for (Report.File file : report.files()) {
      files.keepReport(id, file.name(), file.contentType(), file.content());
    }
  }

  private static Map<String, String> found(DatasetRef dataset) {
    Map<String, String> found = new LinkedHashMap<>();
    found.put(
        "images",
        "%d of %d × %d pixels"
            .formatted(dataset.images(), dataset.resolution(), dataset.resolution()));
    if (!dataset.passedOver().isEmpty()) {
      found.put("passed over", PassedOver.sentence(dataset.passedOver()));
    }
    return found;
  }
}
