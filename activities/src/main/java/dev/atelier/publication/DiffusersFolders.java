package dev.atelier.publication;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.Network;
import dev.atelier.network.files.DiffusersNetwork;
import dev.atelier.network.files.SchedulerExport;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.TeacherSpec.Parts;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.Models;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What diffusers loads: a folder per model, and pipelines of models that take turns, which ask the
 * models in these folders. A network that diffusers has no class for has none.
 */
final class DiffusersFolders {

  /** The version whose layout is written. */
  private static final String VERSION = "0.42.1";

  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
  private static final String LORA = "pytorch_lora_weights.safetensors";
  private static final String JSON_TYPE = "application/json";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /**
   * A model's place among the files.
   *
   * @param folder such as {@code student-1}
   * @param subfolder that holds its network, such as {@code unet}
   */
  record Place(String folder, String subfolder, String className) {

    /** Where its {@code config.json} lies. */
    String path() {
      return folder + "/" + subfolder;
    }
  }

  private final Publish task;
  private final DiffusionSpec process;
  private final SamplerSpec sampler;
  private final ModelCard card;
  private final ExportFiles files;
  private final Optional<PipelineParts> parts;
  private final Path work;
  private final Map<ModelKey, Place> places = new LinkedHashMap<>();
  private final Map<String, String> keptParts = new LinkedHashMap<>(); // where each was first
  private final List<ModelKey> without = new ArrayList<>();

  /**
   * @param parts of the teacher's pipeline, where it has some
   * @param work a directory for files on their way
   */
  DiffusersFolders(
      Publish task, ModelCard card, ExportFiles files, Optional<PipelineParts> parts, Path work) {
    this.task = task;
    this.process = task.spec().diffusion();
    this.sampler = task.spec().evaluation().sampler();
    this.card = card;
    this.files = files;
    this.parts = parts;
    this.work = work;
  }

  /** Models that have no folder. */
  List<ModelKey> without() {
    return List.copyOf(without);
  }

  /** A model of whose network nothing is known. */
  void leaveOut(ModelRef model) {
    without.add(model.key());
  }

  /**
   * Writes a model's folder.
   *
   * @param safetensors the name under which the weights are kept
   * @return its place; empty: diffusers has no such network
   */
  Optional<Place> add(
      ModelRef model, Network network, Map<String, HostTensor> weights, String safetensors)
      throws IOException {
    Optional<ObjectNode> config = DiffusersNetwork.config(network);
    if (config.isEmpty()) {
      leaveOut(model);
      return Optional.empty();
    }
    DiffusersNetwork kind = DiffusersNetwork.of(network);
    Place place = new Place(model.key().value(), kind.folder(), kind.className());
    DiffusionSpec own = process.predicting(model.predicts(process));
    json(place.path() + "/config.json", config.get().put("_diffusers_version", VERSION));
    weights(model, network, weights, safetensors, place.path() + "/" + WEIGHTS);
    Optional<SchedulerExport> scheduler = SchedulerExport.of(own, sampler);
    if (scheduler.isPresent()) {
      ObjectNode written = scheduler.get().config();
      json(place.folder() + "/scheduler/scheduler_config.json", written);
      if (isPipeline(model, network)) {
        json(place.folder() + "/model_index.json", index(written));
      }
    }
    text(place.folder() + "/README.md", card.ofModel(model, network, place), "text/markdown");
    places.put(model.key(), place);
    return Optional.of(place);
  }

  /**
   * Writes a model that is a low-rank update of the one-to-one student as a LoRA beside its folder,
   * where diffusers has LoRAs of such a network.
   */
  void addUpdate(ModelRef model, Network network, Map<String, HostTensor> update)
      throws IOException {
    if (!places.containsKey(model.key())
        || network.spec().crossAttention().isEmpty()
        || DiffusersNetwork.offset(process) != 0) { // which other files have in their weights
      return;
    }
    Map<String, HostTensor> named = new LinkedHashMap<>();
    update.forEach((name, tensor) -> named.put("unet." + name, tensor));
    String name = model.key().value() + "/" + LORA;
    Path file = file(name);
    SafetensorsFile.write(file, named, Publication.origin(task, model));
    files.keep(name, file, "application/octet-stream");
  }

  private void weights(
      ModelRef model,
      Network network,
      Map<String, HostTensor> weights,
      String safetensors,
      String name)
      throws IOException {
    if (DiffusersNetwork.offset(process) == 0) {
      files.keepAgain(name, safetensors);
      return;
    }
    Path file = file(name);
    SafetensorsFile.write(
        file,
        DiffusersNetwork.weights(network, process, weights),
        Publication.origin(task, model)); // not what an import would read t from
    files.keep(name, file, "application/octet-stream");
  }

  /** Whether diffusers has a pipeline that samples images from this model alone. */
  private boolean isPipeline(ModelRef model, Network network) {
    return model.range().length() == process.timesteps()
        && DiffusersNetwork.of(network) == DiffusersNetwork.UNET
        && !network.conditional()
        && DiffusersNetwork.offset(process) == 0; // a flow has no such pipeline
  }

  private static ObjectNode index(ObjectNode scheduler) {
    String type = scheduler.path("_class_name").asText();
    ObjectNode index = JSON.createObjectNode();
    index.put("_class_name", type.equals("DDPMScheduler") ? "DDPMPipeline" : "DDIMPipeline");
    index.put("_diffusers_version", VERSION);
    index.putArray("scheduler").add("diffusers").add(type);
    index.putArray("unet").add("diffusers").add(DiffusersNetwork.UNET.className());
    return index;
  }

  /**
   * Writes a pipeline of models that take turns.
   *
   * @param prefix of its files: empty, or a folder with a slash behind it
   * @param subject whose figures its card shows
   * @return why it could not be written, as a clause; empty: it was
   */
  Optional<String> addEnsemble(List<ModelRef> owners, String prefix, String subject)
      throws IOException {
    Optional<ModelRef> missing =
        owners.stream().filter(owner -> !places.containsKey(owner.key())).findFirst();
    if (missing.isPresent()) {
      return Optional.of(
          "a range is owned by %s, which has no folder for diffusers"
              .formatted(missing.get().key()));
    }
    if (owners.stream().map(owner -> owner.predicts(process)).distinct().count() > 1) {
      return Optional.of(
          "a range is owned by the teacher, which predicts something else than the students");
    }
    Optional<SchedulerExport> exported =
        SchedulerExport.of(process.predicting(owners.get(0).predicts(process)), sampler);
    if (exported.isEmpty()) {
      return Optional.of("diffusers has no scheduler for what its models predict");
    }
    if (parts.isPresent() != owners.stream().allMatch(this::readsTexts)) {
      return Optional.of("the teacher's pipeline has no parts for such networks");
    }
    ObjectNode scheduler = exported.get().config();
    String component = parts.isPresent() ? DiffusersNetwork.TEXT_UNET.folder() : "ensemble";
    ObjectNode index = JSON.createObjectNode();
    index.putArray("_class_name").add("pipeline").add("EnsemblePipeline");
    index.put("_diffusers_version", VERSION);
    parts.ifPresent(p -> index.setAll(p.index()));
    index.putArray(component).add("ensemble").add("StudentEnsemble");
    index.putArray("scheduler").add("diffusers").add(scheduler.path("_class_name").asText());
    json(prefix + "model_index.json", index);
    json(prefix + "scheduler/scheduler_config.json", scheduler);
    json(prefix + component + "/config.json", ensemble(owners, prefix));
    text(prefix + component + "/ensemble.py", program("ensemble.py"), "text/x-python");
    String pipeline = parts.isPresent() ? "text_pipeline.py" : "pipeline.py";
    text(prefix + "pipeline.py", program(pipeline), "text/x-python");
    keepParts(prefix);
    text(
        prefix + "README.md",
        card.ofEnsemble(
            owners,
            owner -> up(prefix) + places.get(owner.key()).path(),
            subject,
            exported.get().differences(),
            parts),
        "text/markdown");
    return Optional.empty();
  }

  private boolean readsTexts(ModelRef model) {
    return model.network().filter(spec -> spec.crossAttention().isPresent()).isPresent();
  }

  /** The teacher's parts, each stored once however many pipelines have it. */
  private void keepParts(String prefix) throws IOException {
    if (parts.isEmpty() || parts.get().carried() == Parts.REFERENCED) {
      return;
    }
    for (Map.Entry<String, Path> file : parts.get().files().entrySet()) {
      String name = file.getKey();
      String first = keptParts.computeIfAbsent(name, n -> prefix + n);
      if (first.equals(prefix + name)) {
        files.keep(first, file.getValue(), contentType(name));
      } else {
        files.keepAgain(prefix + name, first);
      }
    }
  }

  private static String contentType(String name) {
    if (name.endsWith(".json")) {
      return JSON_TYPE;
    }
    return name.endsWith(".txt") ? "text/plain" : "application/octet-stream";
  }

  /** What {@code ensemble.py} reads. */
  private ObjectNode ensemble(List<ModelRef> owners, String prefix) {
    Network first = Models.network(owners.get(0), task.dataset()).orElseThrow();
    ObjectNode config = JSON.createObjectNode();
    config.put("channels", first.imageChannels());
    config.put("resolution", first.resolution());
    config.put("classes", first.classes());
    config.put("steps", sampler.steps());
    ArrayNode students = config.putArray("students");
    for (ModelRef owner : owners) {
      Place place = places.get(owner.key());
      TimestepRange range = owner.range();
      int offset = DiffusersNetwork.offset(process);
      students
          .addObject()
          .put("low", range.low() + offset)
          .put("high", range.high() + offset)
          .put("folder", up(prefix) + place.folder())
          .put("subfolder", place.subfolder())
          .put("class_name", place.className());
    }
    return config;
  }

  private static String up(String prefix) {
    return prefix.isEmpty() ? "" : "../";
  }

  private static String program(String name) throws IOException {
    try (InputStream in = DiffusersFolders.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void json(String name, ObjectNode content) throws IOException {
    text(name, JSON.writeValueAsString(content) + "\n", JSON_TYPE);
  }

  private void text(String name, String content, String contentType) throws IOException {
    files.keep(name, Files.writeString(file(name), content), contentType);
  }

  private Path file(String name) throws IOException {
    Path file = work.resolve("folders").resolve(name);
    Files.createDirectories(file.getParent());
    return file;
  }
}
