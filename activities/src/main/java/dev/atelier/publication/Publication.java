package dev.atelier.publication;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.artifacts.StoredEncodings;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.files.DiffusersNetwork;
import dev.atelier.network.files.ModelMetadata;
import dev.atelier.network.files.NamesApart;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.EnsembleModule;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.publication.DiffusersFolders.Place;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NormGroups;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TeacherSpec.Parts;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.EventHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Ensembles;
import dev.atelier.training.Models;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EncodedRef;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Subject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The files that users leave with: every model and the ensemble as TorchScript {@code (x, t) ->
 * eps} ({@code (x, t, y) -> eps} where the dataset has classes; or what else the spec has them
 * predict), the same weights as safetensors, folders that diffusers loads, and what they are in
 * {@code experiment.json}.
 */
public final class Publication {

  private static final int MOST_NAMED = 5; // models, in an event

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  private final ObjectStore store;
  private final EvaluationHistory evaluations;
  private final ArtifactHistory artifacts;
  private final EventHistory events;
  private final Models models;
  private final Ensembles ensembles;
  private final StoredEncodings encodings;

  public Publication(
      ObjectStore store,
      EvaluationHistory evaluations,
      ArtifactHistory artifacts,
      EventHistory events,
      Models models,
      Ensembles ensembles,
      StoredEncodings encodings) {
    this.store = store;
    this.evaluations = evaluations;
    this.artifacts = artifacts;
    this.events = events;
    this.models = models;
    this.ensembles = ensembles;
    this.encodings = encodings;
  }

  /** One model of {@code experiment.json}. */
  private record Described(
      String name,
      TimestepRange range,
      int step,
      Prediction predicts,
      long parameters,
      Optional<Long> macs, // unknown of an imported TorchScript teacher
      String torchScript,
      Optional<String> safetensors,
      Optional<String> diffusers) { // the folder of its config.json

    /** The same files under the name of the range that the model owns. */
    Described as(String name, TimestepRange range) {
      return new Described(
          name, range, step, predicts, parameters, macs, torchScript, safetensors, diffusers);
    }
  }

  /** {@code experiment.json}. */
  private record Description(
      String id,
      ExperimentSpec spec,
      DatasetRef dataset,
      List<Described> models,
      List<Evaluation> evaluations) {}

  /**
   * Writes every file.
   *
   * @param work a directory for files on their way
   */
  public void publish(Publish task, Path work) throws IOException {
    StoredExport files = new StoredExport(store, artifacts, task.experimentId());
    publish(task, files, work);
  }

  private void publish(Publish task, ExportFiles files, Path work) throws IOException {
    List<ModelRef> students = ensembles.read(task.students());
    List<ModelRef> merged = ensembles.read(task.merged());
    List<Evaluation> measured = evaluations.of(task.experimentId());
    CheckpointManifest teacher =
        CheckpointManifest.read(
            store, task.teacher().manifestKey(), task.teacher().manifestSha256());
    DiffusersFolders folders =
        new DiffusersFolders(
            task, new ModelCard(task, measured, teacher.origin()), files, parts(task), work);
    List<Described> described = publishModels(task, students, merged, files, folders, work);
    if (!students.isEmpty()) {
      publishEnsemble(task, students, files, work.resolve(ensembleName(task, students)));
      Subject subject = isPartial(task, students) ? Subject.O2MKD_PARTIAL : Subject.O2MKD;
      addPipeline(task, folders, students, "", subject);
    }
    if (!merged.isEmpty()) {
      publishEnsemble(task, merged, files, work.resolve("merged-ensemble.pt"));
      addPipeline(task, folders, merged, "merged/", Subject.MERGED);
    }
    sayWhatHasNoFolder(task, folders.without());
    Path json = work.resolve("experiment.json");
    JSON.writeValue(
        json.toFile(),
        new Description(
            task.experimentId(),
            NormGroups.asWritten(task.spec()),
            task.dataset(),
            described,
            measured));
    keep(files, json, "application/json");
  }

  /** What the pipeline has beside its network. */
  private Optional<PipelineParts> parts(Publish task) {
    return task.dataset()
        .encoded()
        .flatMap(
            encoded ->
                PipelineParts.of(
                    encodings.parts(encoded.parts()),
                    task.spec().teacher().parts().orElse(Parts.COPIED)));
  }

  private void addPipeline(
      Publish task, DiffusersFolders folders, List<ModelRef> owners, String prefix, Subject subject)
      throws IOException {
    folders
        .addEnsemble(owners, prefix, subject.word())
        .ifPresent(
            reason ->
                events.record(
                    task.experimentId(),
                    EventKind.ENSEMBLE_LEFT_OUT,
                    "%spipeline.py was not written: %s.".formatted(prefix, reason)));
  }

  private void sayWhatHasNoFolder(Publish task, List<ModelKey> models) {
    if (models.isEmpty()) {
      return;
    }
    List<String> named = models.stream().limit(MOST_NAMED).map(ModelKey::value).toList();
    int more = models.size() - named.size();
    events.record(
        task.experimentId(),
        EventKind.FOLDER_LEFT_OUT,
        "Without a folder for diffusers, which has no class for such a network: %s%s."
            .formatted(String.join(", ", named), more == 0 ? "" : " and %d more".formatted(more)));
  }

  /** Each model once, and each range by the name of its student. */
  private List<Described> publishModels(
      Publish task,
      List<ModelRef> students,
      List<ModelRef> merged,
      ExportFiles files,
      DiffusersFolders folders,
      Path work)
      throws IOException {
    List<Described> described = new ArrayList<>();
    described.add(publishModel(task, task.teacher(), files, folders, work));
    for (int i = 0; i < students.size(); i++) {
      ModelRef owner = students.get(i);
      described.add(
          owner.key().equals(ModelKey.TEACHER)
              ? described.get(0).as(ModelKey.student(i + 1).value(), owner.range())
              : publishModel(task, owner, files, folders, work));
    }
    for (ModelRef student : task.oneToOne()) {
      described.add(publishModel(task, student, files, folders, work));
    }
    for (ModelRef model : merged) {
      if (students.stream().noneMatch(s -> s.key().equals(model.key()))) {
        described.add(publishModel(task, model, files, folders, work));
      }
    }
    return described;
  }

  /** Says so where the teacher fills in for students that were not trained. */
  private static String ensembleName(Publish task, List<ModelRef> students) {
    return isPartial(task, students) ? "partial-ensemble.pt" : "ensemble.pt";
  }

  private static boolean isPartial(Publish task, List<ModelRef> students) {
    boolean partial = false;
    for (int i = 0; i < students.size(); i++) {
      partial |=
          students.get(i).key().equals(ModelKey.TEACHER)
              && !task.spec().students().ownedByTeacher(i + 1);
    }
    return partial;
  }

  private Described publishModel(
      Publish task, ModelRef model, ExportFiles files, DiffusersFolders folders, Path work)
      throws IOException {
    String torchScript = model.key() + ".pt";
    Path archive = models.archive(model, task.dataset(), work, NetworkForm.PORTABLE);
    files.keep(torchScript, archive, "application/octet-stream");
    Optional<Network> network = Models.network(model, task.dataset());
    Optional<String> safetensors = network.map(n -> model.key() + ".safetensors");
    Optional<Place> place = Optional.empty();
    if (network.isPresent()) {
      Path file = work.resolve(safetensors.orElseThrow());
      Map<String, HostTensor> weights = models.weights(model, network.get());
      writeWeights(task, model, network.get(), weights, file);
      keep(files, file, "application/octet-stream");
      place = folders.add(model, network.get(), weights, safetensors.orElseThrow());
      Optional<Map<String, HostTensor>> update = models.diffusersUpdate(model, network.get());
      if (update.isPresent()) {
        folders.addUpdate(model, network.get(), update.get());
      }
    } else {
      folders.leaveOut(model);
    }
    return new Described(
        model.key().value(),
        model.range(),
        model.step(),
        model.predicts(task.spec().diffusion()),
        models.parameters(model, task.dataset()),
        network.map(Network::macs),
        torchScript,
        safetensors,
        place.map(Place::path));
  }

  /** Writes weights with all that is needed to import them again. */
  static void writeWeights(
      Publish task, ModelRef model, Network network, Map<String, HostTensor> weights, Path file)
      throws IOException {
    DatasetRef dataset = task.dataset();
    DiffusionSpec process = task.spec().diffusion();
    Map<String, String> metadata =
        new LinkedHashMap<>(
            new ModelMetadata(
                    network.spec(),
                    dataset.resolution(),
                    dataset.channels(),
                    dataset.classes(),
                    process.predicting(model.predicts(process)))
                .toStrings());
    DiffusersNetwork.config(network)
        .ifPresent(config -> metadata.put("diffusers", config.toString()));
    metadata.putAll(origin(task, model));
    SafetensorsFile.write(file, NamesApart.of(network, weights), metadata);
  }

  /** Which model a file has, in the metadata that diffusers and transformers look for. */
  static Map<String, String> origin(Publish task, ModelRef model) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put("experiment", task.experimentId());
    metadata.put("model", model.key().value());
    metadata.put("range", model.range().toString());
    metadata.put("step", String.valueOf(model.step()));
    return metadata;
  }

  private void publishEnsemble(Publish task, List<ModelRef> owners, ExportFiles files, Path file)
      throws IOException {
    DiffusionSpec process = task.spec().diffusion();
    if (owners.stream().anyMatch(owner -> owner.network().isEmpty())) {
      events.record(
          task.experimentId(),
          EventKind.ENSEMBLE_LEFT_OUT,
          "%s was not written: a range is owned by the imported TorchScript teacher, which cannot be joined with other models in one file."
              .formatted(file.getFileName()));
      return;
    }
    if (owners.stream().map(owner -> owner.predicts(process)).distinct().count() > 1) {
      events.record(
          task.experimentId(),
          EventKind.ENSEMBLE_LEFT_OUT,
          "%s was not written: a range is owned by the teacher, which predicts something else than the students."
              .formatted(file.getFileName()));
      return;
    }
    List<TorchScriptModule> students = new ArrayList<>();
    Map<NetworkSpec, String> classNames = new LinkedHashMap<>(); // one class per architecture
    for (ModelRef student : owners) {
      Network network = Models.network(student, task.dataset()).orElseThrow();
      String className =
          classNames.computeIfAbsent(
              network.spec(),
              n -> classNames.isEmpty() ? "UNet" : "UNet" + (classNames.size() + 1));
      students.add(network.inferenceModule(className, models.weights(student, network)));
    }
    ModelRanges ranges =
        new ModelRanges(owners.stream().map(ModelRef::range).toList(), process.timesteps());
    TorchScriptArchive.write(
        file,
        EnsembleModule.of(
            ranges,
            students,
            task.dataset().classes(),
            task.dataset().encoded().flatMap(EncodedRef::texts).isPresent()));
    keep(files, file, "application/octet-stream");
  }

  private static void keep(ExportFiles files, Path file, String contentType) throws IOException {
    files.keep(file.getFileName().toString(), file, contentType);
  }
}
