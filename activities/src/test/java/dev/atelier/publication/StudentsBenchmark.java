package dev.atelier.publication;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.PeakMemory;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.publication.ExportedFolder.Trained;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Our side of {@code bench/students}: students of one architecture with equal parts of [0, 1000).
 *
 * <p>{@code StudentsBenchmark write <folder> <students>} writes their export; {@code
 * StudentsBenchmark sample <folder> <students> resident|in-turn <images> <batch> <steps>} samples
 * from it, and prints seconds with loading, and the peak resident memory.
 */
final class StudentsBenchmark {

  private static final int SIDE = 16;
  private static final String SPEC =
      """
      {"name": "bench", "dataset": {"source": "shapes?count=64&seed=1", "resolution": 16},
       "evaluation": {"sampler": {"kind": "ddim", "steps": 16, "spacing": "trailing"}}}
      """;

  private StudentsBenchmark() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[1]);
    int students = Integer.parseInt(args[2]);
    switch (args[0]) {
      case "write" -> write(folder, students);
      case "sample" ->
          sample(
              folder,
              students,
              args[3].equals("in-turn"),
              Integer.parseInt(args[4]),
              Integer.parseInt(args[5]),
              Integer.parseInt(args[6]));
      default -> throw new IllegalArgumentException("Unknown task " + args[0]);
    }
    System.exit(0); // libtorch's threads may keep the JVM alive
  }

  private static TimestepRange range(int k, int students) {
    return new TimestepRange(1000 * (k - 1) / students, 1000 * k / students);
  }

  private static Path archive(Path folder, int k) {
    return folder.resolve("cpu-%d.pt".formatted(k));
  }

  /** Of the network that the paper has for CIFAR-10. */
  private static void write(Path folder, int students) throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(
                128, List.of(1, 2, 2, 2), 2, List.of(SIDE / 2), 1, 0.0, Optional.empty()),
            SIDE,
            3);
    ExportedFolder export = new ExportedFolder(folder, SPEC, SIDE, 0);
    List<ModelRef> models = new ArrayList<>();
    for (int k = 1; k <= students; k++) {
      Map<String, HostTensor> weights = network.initialise(new SeededRandom(k));
      TimestepRange range = range(k, students);
      Trained trained =
          Trained.of(ModelKey.student(k), network, weights, range.low(), range.high());
      export.add(trained);
      models.add(trained.model());
      TorchScriptArchive.write(
          archive(folder, k),
          network.inferenceModule("UNet", weights, NetworkForm.CPU, Precision.FP32));
    }
    export.folders.addEnsemble(models, "", "o2mkd");
    System.out.printf("{\"parameters\": %d}%n", network.parameters());
  }

  private static void sample(
      Path folder, int students, boolean inTurn, int images, int batch, int steps)
      throws Exception {
    Libtorch.useThreads(1);
    List<OwnedModel> models = new ArrayList<>();
    long bytes = 0;
    for (int k = 1; k <= students; k++) {
      models.add(
          new OwnedModel(
              archive(folder, k), range(k, students), Optional.empty(), Optional.empty()));
      bytes += Files.size(archive(folder, k));
    }
    long start = System.nanoTime();
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            models,
            DiffusionSpec.DEFAULTS,
            new SamplerSpec(Kind.DDIM, steps, Spacing.TRAILING, 0.0),
            1,
            EnsembleSampler.Sampled.pixels(3, SIDE, ClassSequence.NONE),
            "cpu",
            inTurn ? OptionalLong.of(bytes - 1) : OptionalLong.empty())) {
      sampler.sample(0, images, batch, (first, n, chw) -> {}, () -> false);
    }
    System.out.printf(
        Locale.ROOT,
        "{\"seconds\": %.3f, \"peakBytes\": %d}%n",
        (System.nanoTime() - start) / 1e9,
        PeakMemory.bytes().orElse(0));
  }
}
