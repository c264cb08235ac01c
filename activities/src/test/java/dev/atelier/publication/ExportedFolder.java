package dev.atelier.publication;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** An export in a directory, and what its models sample here. */
final class ExportedFolder implements ExportFiles {

  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();
  static final long SEED = 9;

  /** A model with its weights. */
  record Trained(ModelRef model, Network network, Map<String, HostTensor> weights) {

    static Trained of(ModelKey key, Network network, Map<String, HostTensor> weights, int... t) {
      TimestepRange range = new TimestepRange(t[0], t[1]);
      return new Trained(
          new ModelRef(key, Optional.of(network.spec()), range, key.value(), "sha", 8),
          network,
          weights);
    }
  }

  private final Path root;
  final Publish task;
  final DiffusersFolders folders;

  ExportedFolder(Path root, String spec, int resolution, int classes) throws IOException {
    this(root, spec, new DatasetRef("sha", 12, resolution, 3, 0, classes), Optional.empty());
  }

  ExportedFolder(Path root, String spec, DatasetRef dataset, Optional<PipelineParts> parts)
      throws IOException {
    this.root = root;
    EnsembleRef none = new EnsembleRef(List.of());
    ExperimentSpec read = JSON.readValue(spec, ExperimentSpec.class);
    this.task =
        new Publish(
            "experiment-1",
            read,
            dataset,
            new ModelRef(
                ModelKey.TEACHER,
                Optional.empty(),
                new TimestepRange(0, read.diffusion().timesteps()),
                "teacher",
                "sha",
                8),
            none,
            List.of(),
            none);
    Evaluation measured =
        new Evaluation(
            "o2mkd", "fid", 12.5, Optional.empty(), 1, 1, 0, "{}", Map.of(), Optional.empty());
    this.folders =
        new DiffusersFolders(
            task,
            new ModelCard(task, List.of(measured), Optional.empty()),
            this,
            parts,
            Files.createTempDirectory(root, "work-"));
  }

  /** Writes a model's safetensors file and its folder. */
  void add(Trained trained) throws IOException {
    String name = trained.model().key() + ".safetensors";
    Publication.writeWeights(
        task, trained.model(), trained.network(), trained.weights(), root.resolve(name));
    folders.add(trained.model(), trained.network(), trained.weights(), name);
  }

  @Override
  public void keep(String name, Path file, String contentType) throws IOException {
    Path target = root.resolve(name);
    Files.createDirectories(target.getParent());
    Files.copy(file, target);
  }

  @Override
  public void keepAgain(String name, String kept) {
    try {
      keep(name, root.resolve(kept), "");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Samples {@code count} images of these models into {@code pixels.bin}, [N, C, H, W] in 0..255,
   * and leaves the noise that they start from in {@code latents.bin}.
   */
  void sample(List<Trained> students, int count) throws IOException {
    int resolution = task.dataset().resolution();
    int elements = 3 * resolution * resolution;
    ByteBuffer latents = ByteBuffer.allocate(4 * count * elements).order(ByteOrder.LITTLE_ENDIAN);
    float[] noise = new float[elements];
    for (int i = 0; i < count; i++) {
      new SeededRandom(SEED).stream(Purpose.SAMPLE_XT, i, 0).gaussians(noise, 0, elements);
      latents.asFloatBuffer().put(noise);
      latents.position(latents.position() + 4 * elements);
    }
    Files.write(root.resolve("latents.bin"), latents.array());
    List<OwnedModel> models = new ArrayList<>();
    for (Trained student : students) {
      Path archive = root.resolve(student.model().key() + ".pt");
      TorchScriptArchive.write(
          archive, student.network().inferenceModule("Net", student.weights()));
      models.add(
          new OwnedModel(
              archive,
              student.model().range(),
              student.model().predicts(task.spec().diffusion()),
              Optional.empty(),
              Optional.empty()));
    }
    byte[] pixels = new byte[count * elements];
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            models,
            task.spec().diffusion(),
            task.spec().evaluation().sampler(),
            SEED,
            EnsembleSampler.Sampled.pixels(
                3, resolution, ClassSequence.balanced(task.dataset().classes())),
            "cpu",
            OptionalLong.empty())) {
      sampler.sample(
          0,
          count,
          count,
          (first, n, chw) -> System.arraycopy(chw, 0, pixels, (int) first * elements, n * elements),
          () -> false);
    }
    Files.write(root.resolve("pixels.bin"), pixels);
  }
}
