package dev.atelier.publication;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.files.TeacherImport.Expected;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.Distillation;
import dev.atelier.training.ImageSource;
import dev.atelier.training.InitialWeights;
import dev.atelier.training.PrunedTeacher;
import dev.atelier.training.TeacherModel;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.training.TrainingTask;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A spec of transformers: trained, distilled, exported and read again. */
class TransformerExperimentTest {

  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  private static final String SPEC =
      """
      {"name": "transformers", "seed": 3,
       "dataset": {"source": "shapes?count=64&seed=1", "resolution": 8, "classConditional": true},
       "teacher": {
         "network": {"transformer": {"patchSize": 2, "layers": 2, "heads": 2, "headWidth": 8}},
         "training": {"steps": 8, "batchSize": 4, "warmupSteps": 2, "learningRate": 0.01}},
       "students": {"count": 2,
         "network": {"transformer": {"patchSize": 2, "layers": 1, "heads": 1, "headWidth": 8}},
         "training": {"steps": 8, "batchSize": 4, "warmupSteps": 2, "learningRate": 0.01, "precision": "bf16"},
         "loss": {"feature": {"kind": "hint"}}}}
      """;

  private static final int CLASSES = 3;
  private static final String LAST = "proj_out_2.weight"; // starts at zero

  /** Images of three classes, each of another brightness. */
  private static final ImageSource IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 12;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          for (int i = 0; i < 3 * 8 * 8; i++) {
            chw[offset + i] = (byte) (80 * (index % CLASSES) + i % 8);
          }
        }

        @Override
        public int label(int index) {
          return index % CLASSES;
        }
      };

  @TempDir Path directory;

  private final ExperimentSpec spec = read(SPEC);

  private static ExperimentSpec read(String json) {
    try {
      return JSON.readValue(json, ExperimentSpec.class);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static float[] zeros(HostTensor like) {
    return new float[Math.toIntExact(like.elements())];
  }

  private TrainingTask teacher() {
    return new TrainingTask(
        "teacher",
        Network.of(spec.teacher().network(), 8, 3, CLASSES),
        spec.diffusion(),
        spec.teacher().training(),
        1,
        "spec",
        "code",
        Optional.empty());
  }

  private TrainingTask student(Network network, TeacherModel teacher, InitialWeights start) {
    return new TrainingTask(
        "student-1",
        network,
        spec.diffusion(),
        spec.students().training(),
        2,
        "spec",
        "code",
        Optional.of(
            new Distillation(teacher, new TimestepRange(0, 500), 0.8, spec.students().loss())),
        start);
  }

  /** The moving average after a training, by name. */
  private Map<String, HostTensor> trained(TrainingTask task) throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    Kept kept = new Kept(directory.resolve(task.name()));
    new TrainingLoop(task, IMAGES, kept, metrics::add, () -> false, "cpu", directory).run();
    assertThat(kept.last.orElseThrow().step()).isEqualTo(8);
    return SafetensorsFile.read(kept.last.get().file(CheckpointPart.EMA)).tensors();
  }

  @Test
  void shouldTrainDistilExportAndReadTransformers() throws Exception {
    assertThat(SpecRules.check(spec)).isEmpty();
    TrainingTask teaching = teacher();
    Map<String, HostTensor> taught = trained(teaching);
    assertThat(taught.get(LAST).toFloats()).isNotEqualTo(zeros(taught.get(LAST)));

    Network network = Network.of(spec.students().network(), 8, 3, CLASSES);
    TeacherModel teacher = new TeacherModel.Weights(teaching.network(), taught);
    Map<String, HostTensor> weights = trained(student(network, teacher, InitialWeights.RANDOM));
    assertThat(weights.get(LAST).toFloats()).isNotEqualTo(zeros(weights.get(LAST)));

    Path file = directory.resolve("student-1.safetensors");
    Publication.writeWeights(task(), model(), network, weights, file);
    Expected expected = new Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, CLASSES, spec.diffusion());
    Weights read = (Weights) TeacherImport.read(file, "the file", expected, "cpu", directory);
    assertThat(read.network().computesAs(network)).isTrue();

    Path folder = Files.createDirectories(directory.resolve("pipeline").resolve("transformer"));
    Files.writeString(
        folder.resolve("config.json"), SafetensorsFile.read(file).metadata().get("diffusers"));
    Files.copy(file, folder.resolve("diffusion_pytorch_model.safetensors"));
    Weights back =
        (Weights) TeacherImport.read(folder.getParent(), "the folder", expected, "cpu", directory);
    assertThat(back.network().spec()).isEqualTo(network.spec());
    assertThat(eps(back.network(), back.tensors())).isEqualTo(eps(network, weights));
  }

  @Test
  void shouldStartFromTheTeacherWhereTheNetworkIsTheSame() throws Exception {
    Network network = teacher().network();
    Map<String, HostTensor> weights = network.initialise(new SeededRandom(5));
    TeacherModel.Weights teacher = new TeacherModel.Weights(network, weights);
    InitialWeights start = new PrunedTeacher(Criterion.MAGNITUDE);
    Map<String, HostTensor> copied =
        start.of(student(network, teacher, start), IMAGES, "cpu", directory);
    assertThat(copied).hasSameSizeAs(weights);
    weights.forEach(
        (name, weight) ->
            assertThat(copied.get(name).toFloats()).as(name).isEqualTo(weight.toFloats()));
  }

  private float[] eps(Network network, Map<String, HostTensor> weights) throws IOException {
    Path archive = directory.resolve("eps.pt");
    TorchScriptArchive.write(archive, network.inferenceModule("DiT", weights));
    float[] x = new float[3 * 8 * 8];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.sin(i);
    }
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module
          .forward(
              HostTensor.ofFloats(x, 1, 3, 8, 8),
              HostTensor.ofLongs(new long[] {500}, 1),
              HostTensor.ofLongs(new long[] {2}, 1))
          .toFloats();
    }
  }

  private Publish task() {
    DatasetRef dataset = new DatasetRef("sha", 12, 8, 3, 0, CLASSES);
    EnsembleRef none = new EnsembleRef(List.of());
    return new Publish("experiment", spec, dataset, model(), none, List.of(), none);
  }

  private ModelRef model() {
    return new ModelRef(
        ModelKey.student(1),
        Optional.of(spec.students().network()),
        new TimestepRange(0, 500),
        "manifest",
        "sha",
        8);
  }

  /** Keeps the last checkpoint below a directory. */
  private static final class Kept implements CheckpointStore {
    private final Path directory;
    private Optional<Checkpoint> last = Optional.empty();

    Kept(Path directory) {
      this.directory = directory;
    }

    @Override
    public Optional<Checkpoint> latest() {
      return last;
    }

    @Override
    public void save(Checkpoint checkpoint) throws IOException {
      Path kept = Files.createDirectories(directory.resolve("step-" + checkpoint.step()));
      for (Path file : checkpoint.files()) {
        Files.copy(file, kept.resolve(file.getFileName()));
      }
      last =
          Optional.of(
              new Checkpoint(
                  checkpoint.step(), checkpoint.specHash(), checkpoint.codeVersion(), kept));
    }
  }
}
