package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Value;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.StepFigures;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.HostTensor.DType;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.MemoryPlan;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a distillation step holds at most, as the resident set of a process of its own grows by it,
 * beside what {@link MemoryPlan} says.
 *
 * <p>{@code MemoryBenchmark write|measure <shape> <batch> <precision> <recompute> <archive>}
 */
final class MemoryBenchmark {

  private static final int STEPS = 1; // the first has all of it

  /** A student, whose teacher is like it. */
  @SuppressWarnings("ImmutableEnumChecker") // a network is never changed
  enum Shape {
    CIFAR(EngineBenchmark.unet(64, 32)),
    TEXT(EngineBenchmark.ofTexts(64, 1, 16)),
    DIT(Network.of(NetworkSpec.of(new TransformerSpec(2, 6, 6, 64, null, false)), 32, 4));

    final Network network;

    Shape(Network network) {
      this.network = network;
    }

    /** What is said of a training of it. */
    MemoryPlan plan(TrainingSpec training) {
      return new MemoryPlan.Networks(
              network.graph(),
              Optional.of(network.graph()),
              MemoryPlan.Form.onCpu(network.spec(), network.resolution()),
              true)
          .plan(training);
    }
  }

  private MemoryBenchmark() {}

  public static void main(String[] args) throws Exception {
    Shape shape = Shape.valueOf(args[1].toUpperCase(Locale.ROOT));
    TrainingSpec training =
        training(
            Integer.parseInt(args[2]),
            Precision.valueOf(args[3].toUpperCase(Locale.ROOT)),
            Boolean.parseBoolean(args[4]));
    Path archive = Path.of(args[5]);
    Libtorch.useThreads(1);
    if (args[0].equals("write")) {
      write(shape.network, training, archive);
    } else {
      measure(shape, training, archive);
    }
  }

  static TrainingSpec training(int batch, Precision precision, boolean recompute) {
    return TrainingSpecBuilder.builder()
        .batchSize(batch)
        .precision(precision)
        .gradientCheckpointing(Optional.of(recompute))
        .build();
  }

  private static void write(Network network, TrainingSpec training, Path archive)
      throws IOException {
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            TrainingState.initial(network.initialise(new SeededRandom(5))),
            Settings.of(
                training,
                new LossSpec(1.0, 1.0),
                NetworkForm.CPU,
                DiffusionSpec.DEFAULTS,
                Prediction.EPS),
            Optional.of(
                new TrainingModule.TeacherNetwork(
                    network, network.initialise(new SeededRandom(6))))));
  }

  private static void measure(Shape shaped, TrainingSpec training, Path archive)
      throws IOException {
    Network network = shaped.network;
    int batch = training.batchSize();
    long[] shape = {batch, network.imageChannels(), network.resolution(), network.resolution()};
    List<HostTensor> lesson =
        new ArrayList<>(
            List.of(
                HostTensor.zeros(DType.F32, shape),
                HostTensor.zeros(DType.F32, shape),
                HostTensor.zeros(DType.I64, batch)));
    Optional<Value> context = network.graph().told().context();
    context.ifPresent(c -> lesson.add(HostTensor.zeros(DType.F32, batch, c.columns(), c.width())));
    lesson.add(HostTensor.ofDoubles(new double[] {1e-4, 0.9999}, 2));
    lesson.add(HostTensor.ofLongs(new long[] {1, 1}, 2));
    HostTensor figures = StepFigures.buffer(batch);
    System.gc();
    long before = status("VmRSS:");
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      long loaded = status("VmRSS:");
      Files.writeString(Path.of("/proc/self/clear_refs"), "5"); // the peak from now on
      for (int i = 0; i < STEPS; i++) {
        module.runInto(figures, "teach_step", lesson.toArray(HostTensor[]::new));
      }
      System.out.printf(
          Locale.ROOT,
          "{\"loadedBytes\": %d, \"peakBytes\": %d, \"planBytes\": %d}%n",
          loaded - before,
          status("VmHWM:") - before,
          shaped.plan(training).total());
    }
  }

  private static long status(String field) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith(field))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .sum();
  }
}
