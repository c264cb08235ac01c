package dev.atelier.training;

import com.sun.management.OperatingSystemMXBean;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
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
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Our side of {@code bench/engine}: the production training loop and sampler, driven over standard
 * input. A line with a number runs that many steps (of training, or batches of sampling) and
 * answers with the seconds of each, and with the peak resident memory.
 *
 * <p>{@code EngineBenchmark train|distill|sample|text <channels> <teacher channels> <batch> <side>
 * <sampler steps> <threads>}
 */
final class EngineBenchmark {
  private final BufferedReader commands =
      new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
  private final List<Double> seconds = new ArrayList<>();
  private final Precision precision = Precision.valueOf(System.getProperty("precision", "FP32"));
  private int wanted;
  private long started;
  private double cpuStarted;

  private EngineBenchmark() {}

  public static void main(String[] args) throws Exception {
    Libtorch.useThreads(Integer.parseInt(args[6]));
    EngineBenchmark benchmark = new EngineBenchmark();
    boolean texts = args[0].equals("text");
    int channels = Integer.parseInt(args[1]);
    int teacherChannels = Integer.parseInt(args[2]);
    int side = Integer.parseInt(args[4]);
    Network network = texts ? ofTexts(channels, 1, side) : unet(channels, side);
    Network teacher = texts ? ofTexts(channels, 2, side) : unet(teacherChannels, side);
    int batch = Integer.parseInt(args[3]);
    Path work = Files.createTempDirectory("atelier-bench-");
    System.out.printf(
        Locale.ROOT,
        "{\"parameters\": %d, \"macs\": %d, \"teacherMacs\": %d}%n",
        network.parameters(),
        network.macs() + network.attentionMacs(),
        texts || args[0].equals("distill") ? teacher.macs() + teacher.attentionMacs() : 0);
    switch (args[0]) {
      case "train" -> benchmark.train(network, Optional.empty(), batch, work);
      case "distill" -> {
        TeacherModel model =
            new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5)));
        Distillation distillation =
            new Distillation(model, new TimestepRange(0, 1000), 1.0, new LossSpec(1.0, 1.0));
        benchmark.train(network, Optional.of(distillation), batch, work);
      }
      case "text" -> benchmark.text(network, teacher, batch, work);
      case "sample" -> benchmark.sample(network, batch, Integer.parseInt(args[5]), work);
      default -> throw new IllegalArgumentException("Unknown task " + args[0]);
    }
  }

  static Network unet(int channels, int side) {
    return Network.of(
        new NetworkSpec(
            channels, List.of(1, 2, 2, 2), 2, List.of(side / 2), 1, 0.0, Optional.empty()),
        side,
        3);
  }

  /** As {@code pytorch_text.py} has it, of 16 tokens of width 64. */
  static Network ofTexts(int channels, int resBlocks, int side) {
    return Network.of(
        NetworkSpecBuilder.builder()
            .channels(channels)
            .multipliers(List.of(1, 2))
            .resBlocks(resBlocks)
            .attentionHeads(8)
            .groups(Optional.of(32))
            .variant(Optional.of(NetworkSpec.Variant.DIFFUSERS))
            .blocks(
                Optional.of(
                    new BlocksSpec(
                        List.of(Block.CROSS_ATTENTION, Block.CROSS_ATTENTION),
                        Middle.CROSS_ATTENTION,
                        List.of(Block.CROSS_ATTENTION, Block.CROSS_ATTENTION))))
            .crossAttention(Optional.of(new CrossAttentionSpec(64, 16, Optional.empty(), false)))
            .build(),
        side,
        4);
  }

  /** Distillation steps of a network that reads texts, on latents. */
  private void text(Network network, Network teacher, int batch, Path work) throws Exception {
    Map<String, HostTensor> weights = network.initialise(new SeededRandom(5));
    Path archive = work.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            TrainingState.initial(weights),
            Settings.of(
                TrainingSpecBuilder.builder()
                    .precision(precision)
                    .gradientCheckpointing(Optional.of(Boolean.getBoolean("recompute")))
                    .build(),
                new LossSpec(1.0, 1.0),
                NetworkForm.valueOf(System.getProperty("form", "CPU")),
                DiffusionSpec.DEFAULTS,
                Prediction.EPS),
            Optional.of(
                new TrainingModule.TeacherNetwork(
                    teacher, teacher.initialise(new SeededRandom(6))))));
    NoiseSchedule schedule = NoiseSchedule.of(DiffusionSpec.DEFAULTS);
    int elements = network.imageElements();
    Value context = network.graph().told().context().orElseThrow();
    HostTensor xt =
        HostTensor.zeros(DType.F32, batch, 4, network.resolution(), network.resolution());
    HostTensor noise = HostTensor.zeros(DType.F32, xt.shape());
    HostTensor t = HostTensor.zeros(DType.I64, batch);
    HostTensor text = HostTensor.zeros(DType.F32, batch, context.columns(), context.width());
    HostTensor hyper = HostTensor.ofDoubles(new double[] {1e-4, 0.9999}, 2);
    SeededRandom random = new SeededRandom(1);
    float[] x0 = new float[batch * elements];
    float[] drawn = new float[x0.length];
    float[] noisy = new float[x0.length];
    float[] told = new float[Math.toIntExact(text.elements())];
    long[] steps = new long[batch];
    HostTensor figures = StepFigures.buffer(batch);
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      Files.delete(archive);
      awaitCommand();
      for (int step = 1; wanted > 0; step++) {
        random.stream(Purpose.FLIP, step, 0).gaussians(x0, 0, x0.length);
        random.stream(Purpose.NOISE, step, 0).gaussians(drawn, 0, drawn.length);
        random.stream(Purpose.DROPOUT, step, 0).gaussians(told, 0, told.length);
        for (int i = 0; i < batch; i++) {
          steps[i] = Math.floorMod(31L * step + 97L * i, 1000L);
          schedule.qSample((int) steps[i], x0, drawn, noisy, i * elements, elements);
        }
        xt.putFloats(noisy);
        noise.putFloats(drawn);
        text.putFloats(told);
        t.putLongs(steps);
        HostTensor counters = HostTensor.ofLongs(new long[] {step, step}, 2);
        module.runInto(figures, "teach_step", xt, noise, t, text, hyper, counters);
        stepDone();
      }
    }
  }

  private void train(Network network, Optional<Distillation> distillation, int batch, Path work)
      throws Exception {
    TrainingTask task =
        new TrainingTask(
            "bench",
            network,
            DiffusionSpec.DEFAULTS,
            TrainingSpecBuilder.builder()
                .steps(1_000_000)
                .batchSize(batch)
                .learningRate(1e-4)
                .warmupSteps(0)
                .weightDecay(0.0)
                .clipNorm(1.0)
                .emaDecay(0.9999)
                .horizontalFlips(true)
                .checkpointEverySteps(1_000_000)
                .metricsEverySteps(1)
                .precision(precision)
                .build(),
            1,
            "",
            "",
            distillation);
    awaitCommand();
    new TrainingLoop(
            task,
            new RandomImages(1000, network.imageElements()),
            new DirectoryCheckpointStore(work),
            metrics -> stepDone(),
            () -> wanted < 0,
            "cpu",
            work)
        .run();
  }

  private void sample(Network network, int batch, int steps, Path work) throws Exception {
    Path archive = work.resolve("model.pt");
    TorchScriptArchive.write(
        archive,
        network.inferenceModule(
            "UNet", network.initialise(new SeededRandom(5)), NetworkForm.CPU, precision));
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            List.of(
                new OwnedModel(
                    archive,
                    new TimestepRange(0, 1000),
                    Optional.of(network.macs()),
                    Optional.of(network.activationBytes()))),
            DiffusionSpec.DEFAULTS,
            new SamplerSpec(null, steps, SamplerSpec.Spacing.UNIFORM, 0.0),
            1,
            EnsembleSampler.Sampled.pixels(3, network.resolution(), ClassSequence.NONE),
            "cpu",
            OptionalLong.empty())) {
      awaitCommand();
      while (wanted > 0) {
        sampler.sample(0, batch, batch, (first, count, chw) -> {}, () -> false);
        stepDone();
      }
    }
  }

  private void stepDone() {
    seconds.add((System.nanoTime() - started) / 1e9);
    if (seconds.size() == wanted) {
      System.out.printf(
          Locale.ROOT,
          "{\"seconds\": %s, \"cpuSeconds\": %f, \"peakRssBytes\": %d}%n",
          seconds,
          cpuSeconds() - cpuStarted,
          peakRssBytes());
      seconds.clear();
      awaitCommand();
    }
    started = System.nanoTime();
  }

  private void awaitCommand() {
    try {
      String line = commands.readLine();
      wanted = line == null ? -1 : Integer.parseInt(line.strip());
      started = System.nanoTime();
      cpuStarted = cpuSeconds();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (wanted < 0) {
      System.exit(0);
    }
  }

  private static double cpuSeconds() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return system.getProcessCpuTime() / 1e9;
  }

  private static long peakRssBytes() {
    try {
      String status =
          Files.readAllLines(Path.of("/proc/self/status")).stream()
              .filter(l -> l.startsWith("VmHWM:"))
              .collect(Collectors.joining());
      return Long.parseLong(status.replaceAll("\\D", "")) * 1024;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A dataset in memory. */
  private static final class RandomImages implements ImageSource {
    private final byte[][] images;

    RandomImages(int count, int elements) {
      Random random = new Random(1);
      images = new byte[count][elements];
      for (byte[] image : images) {
        random.nextBytes(image);
      }
    }

    @Override
    public int count() {
      return images.length;
    }

    @Override
    public void copy(int index, byte[] chw, int offset) {
      System.arraycopy(images[index], 0, chw, offset, images[index].length);
    }
  }
}
