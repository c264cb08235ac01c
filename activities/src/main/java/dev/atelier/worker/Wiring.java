package dev.atelier.worker;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.StoredDatasets;
import dev.atelier.artifacts.StoredEncodings;
import dev.atelier.artifacts.StoredEnsembles;
import dev.atelier.artifacts.StoredExperimentFiles;
import dev.atelier.artifacts.StoredFigures;
import dev.atelier.artifacts.StoredMergedModels;
import dev.atelier.artifacts.StoredReferences;
import dev.atelier.artifacts.StoredShards;
import dev.atelier.artifacts.StoredStarts;
import dev.atelier.artifacts.TrainedModels;
import dev.atelier.assignment.RangeFinder;
import dev.atelier.attempt.Attempts;
import dev.atelier.attempt.ModelTrainer;
import dev.atelier.attempt.TeacherImporter;
import dev.atelier.attempt.TrainingTasks;
import dev.atelier.evaluation.Evaluator;
import dev.atelier.evaluation.ExtractorPreparation;
import dev.atelier.evaluation.Extractors;
import dev.atelier.evaluation.ReferenceStore;
import dev.atelier.evaluation.References;
import dev.atelier.evaluation.ShardSampler;
import dev.atelier.evaluation.UserFiles;
import dev.atelier.intake.DatasetEncoder;
import dev.atelier.intake.DatasetIntake;
import dev.atelier.intake.EvaluationFiles;
import dev.atelier.intake.TeacherFiles;
import dev.atelier.merging.Distances;
import dev.atelier.merging.Merger;
import dev.atelier.merging.ScheduleFinder;
import dev.atelier.publication.Publication;
import dev.atelier.publication.Reporting;
import dev.atelier.publication.StudyReporting;
import dev.atelier.reuse.EqualFigures;
import dev.atelier.reuse.EqualModels;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.EvaluationReuse;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ModelHistory;
import dev.atelier.store.ModelReuse;
import dev.atelier.store.ReportHistory;
import dev.atelier.store.SearchHistory;
import dev.atelier.store.StudyHistory;
import dev.atelier.store.TurnHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Device;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.workflows.AssignmentActivities;
import dev.atelier.workflows.DatasetActivities;
import dev.atelier.workflows.EncodingActivities;
import dev.atelier.workflows.EnsembleActivities;
import dev.atelier.workflows.EvaluationActivities;
import dev.atelier.workflows.HistoryActivities;
import dev.atelier.workflows.MergingActivities;
import dev.atelier.workflows.ReuseActivities;
import dev.atelier.workflows.StudyActivities;
import dev.atelier.workflows.TrainingActivities;
import dev.atelier.workflows.TurnActivities;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;

/** Puts the activities of a worker together from what they need. */
final class Wiring {

  private final ObjectStore store;
  private final DataSource database;
  private final ArtifactCache cache;
  private final Device device;
  private final String worker;
  private final Scopes scopes;
  private final StoredDatasets datasets;
  private final StoredEncodings encodings;
  private final TrainedModels models;
  private final StoredEnsembles ensembles;
  private final ExperimentFiles files;
  private final EventHistory events;
  private final ModelReuse equalModels;
  private final EvaluationReuse equalFigures;

  /**
   * @param draining whether this worker ends
   * @param progress that the activities tell of
   */
  Wiring(
      WorkerConfig.Worker settings,
      ObjectStore store,
      DataSource database,
      ArtifactCache cache,
      BooleanSupplier draining,
      WorkProgress progress) {
    this.store = store;
    this.database = database;
    this.cache = cache;
    this.device =
        new Device(
            settings.device(),
            settings.threads(),
            MemoryBound.forSampling(
                settings.samplingMemoryBytes(),
                settings.deviceWorkers(),
                MemoryBound.ofGpu(settings.device(), settings.deviceWorkers())));
    this.worker = WorkerConfig.Worker.nameOf(settings);
    this.scopes = new Scopes(cache, draining, progress);
    this.datasets = new StoredDatasets(store, cache);
    this.encodings = new StoredEncodings(store, cache);
    this.models = new TrainedModels(store, cache);
    this.ensembles = new StoredEnsembles(store);
    this.files = new StoredExperimentFiles(store, new ArtifactHistory(database));
    this.events = new EventHistory(database);
    this.equalModels = new ModelReuse(database);
    this.equalFigures = new EvaluationReuse(database);
  }

  HistoryActivities history() {
    return new HistoryActivitiesImpl(
        new ExperimentHistory(database),
        new ModelHistory(database),
        new EvaluationHistory(database));
  }

  TurnActivities turns() {
    return new TurnActivitiesImpl(new TurnHistory(database));
  }

  DatasetActivities dataset() {
    return new DatasetActivitiesImpl(
        scopes, new DatasetIntake(store, database, cache, datasets, files));
  }

  ReuseActivities reuse() {
    return new ReuseActivitiesImpl(
        new EqualModels(store, equalModels), new EqualFigures(store, equalFigures, ensembles));
  }

  EnsembleActivities ensemble() {
    return new EnsembleActivitiesImpl(store, ensembles);
  }

  StudyActivities study() {
    StudyHistory studies = new StudyHistory(database);
    return new StudyActivitiesImpl(
        studies, new StudyReporting(store, new ArtifactHistory(database), studies));
  }

  EncodingActivities encoding() {
    return new EncodingActivitiesImpl(
        scopes,
        new DatasetEncoder(
            store, cache, device, datasets, encodings, new TeacherFiles(store, cache), events));
  }

  TrainingActivities training() {
    Attempts attempts = new Attempts(store, database, device, worker);
    return new TrainingActivitiesImpl(
        scopes,
        new ModelTrainer(
            attempts, new TrainingTasks(models), datasets, new StoredStarts(store), equalModels),
        new TeacherImporter(
            attempts,
            cache,
            new TeacherFiles(store, cache),
            new ExperimentHistory(database),
            events));
  }

  AssignmentActivities assignment() {
    return new AssignmentActivitiesImpl(
        scopes,
        new RangeFinder(device, models, datasets, files, new ModelHistory(database)::recordRanges));
  }

  EvaluationActivities evaluation() {
    UserFiles brought = new EvaluationFiles(store, cache, events);
    ReferenceStore references = new StoredReferences(store);
    Extractors extractors = new Extractors(device, cache);
    EvaluationHistory evaluations = new EvaluationHistory(database);
    ArtifactHistory artifacts = new ArtifactHistory(database);
    return new EvaluationActivitiesImpl(
        scopes,
        new ExtractorPreparation(device, brought, references, events::record),
        new References(device, extractors, datasets, brought, references),
        new Evaluator(
            new ShardSampler(device, models, datasets, extractors, files, events::record),
            ensembles,
            cache,
            new StoredShards(store),
            new StoredFigures(evaluations, equalFigures),
            StoredFigures.codeVersion()),
        new Publication(store, evaluations, artifacts, events, models, ensembles, encodings),
        new Reporting(store, new ReportHistory(database), evaluations, artifacts, files));
  }

  MergingActivities merging() {
    Distances distances = new Distances(device, cache, datasets, new SearchHistory(database));
    return new MergingActivitiesImpl(
        scopes,
        new Merger(
            distances,
            models,
            ensembles,
            new StoredMergedModels(store, device),
            files,
            events::record),
        new ScheduleFinder(distances, models, ensembles, files, events::record));
  }
}
