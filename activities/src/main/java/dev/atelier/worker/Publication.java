package dev.atelier.worker;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.network.EnsembleModule;
import dev.atelier.network.HostTensor;
import dev.atelier.network.SafetensorsFile;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.TorchScriptModule;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ExperimentHistory.Artifact;
import dev.atelier.store.ExperimentHistory.Evaluation;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The files that users leave with: every model and the ensemble as TorchScript {@code (x, t) ->
 * eps}, the same weights as safetensors, and what they are in {@code experiment.json}.
 */
final class Publication {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  private final ObjectStore store;
  private final ExperimentHistory history;
  private final ArtifactCache cache;
  private final TrainedModels models;

  Publication(
      ObjectStore store, ExperimentHistory history, ArtifactCache cache, TrainedModels models) {
    this.store = store;
    this.history = history;
    this.cache = cache;
    this.models = models;
  }

  /** One model of {@code experiment.json}. */
  private record Described(
      String name,
      TimestepRange range,
      int step,
      long parameters,
      long macs,
      String torchScript,
      String safetensors) {}

  /** {@code experiment.json}. */
  private record Description(
      String id,
      ExperimentSpec spec,
      DatasetRef dataset,
      List<Described> models,
      List<Evaluation> evaluations) {}

  void publish(Publish task) throws IOException {
    try (WorkDirectory work = cache.newWorkDirectory("publish-")) {
      List<Described> described = new ArrayList<>();
      described.add(publishModel(task, task.teacher(), work.path()));
      for (ModelRef student : task.students()) {
        described.add(publishModel(task, student, work.path()));
      }
      for (ModelRef student : task.oneToOne()) {
        described.add(publishModel(task, student, work.path()));
      }
      publishEnsemble(task, work.path());
      Path json = work.path().resolve("experiment.json");
      JSON.writeValue(
          json.toFile(),
          new Description(
              task.experimentId(),
              task.spec(),
              task.dataset(),
              described,
              history.evaluations(task.experimentId())));
      keep(task.experimentId(), json, "application/json");
    }
  }

  private Described publishModel(Publish task, ModelRef model, Path work) throws IOException {
    Map<String, HostTensor> weights = models.weights(model, task.dataset());
    Path torchScript = work.resolve(model.key() + ".pt");
    TorchScriptArchive.write(torchScript, module("UNet", task, model, weights));
    Path safetensors = work.resolve(model.key() + ".safetensors");
    SafetensorsFile.write(
        safetensors,
        weights,
        Map.of(
            "experiment", task.experimentId(),
            "model", model.key().value(),
            "range", model.range().toString(),
            "step", String.valueOf(model.step())));
    keep(task.experimentId(), torchScript, "application/octet-stream");
    keep(task.experimentId(), safetensors, "application/octet-stream");
    var network = TrainedModels.network(model, task.dataset());
    return new Described(
        model.key().value(),
        model.range(),
        model.step(),
        network.parameters(),
        network.macs(),
        torchScript.getFileName().toString(),
        safetensors.getFileName().toString());
  }

  private void publishEnsemble(Publish task, Path work) throws IOException {
    List<TorchScriptModule> students = new ArrayList<>();
    for (ModelRef student : task.students()) {
      // All students have one architecture, so they share one class.
      students.add(module("UNet", task, student, models.weights(student, task.dataset())));
    }
    ModelRanges ranges =
        new ModelRanges(
            task.students().stream().map(ModelRef::range).toList(),
            task.spec().diffusion().timesteps());
    Path file = work.resolve("ensemble.pt");
    TorchScriptArchive.write(file, EnsembleModule.of(ranges, students));
    keep(task.experimentId(), file, "application/octet-stream");
  }

  private static TorchScriptModule module(
      String className, Publish task, ModelRef model, Map<String, HostTensor> weights) {
    return TrainedModels.network(model, task.dataset()).inferenceModule(className, weights);
  }

  private void keep(String experimentId, Path file, String contentType) throws IOException {
    String name = file.getFileName().toString();
    String key = ExperimentKeys.export(experimentId, name);
    store.put(key, file, contentType);
    history.recordArtifact(
        experimentId,
        new Artifact(name, "export", key, contentType, Files.size(file), Sha256.of(file)));
  }
}
