package dev.atelier.pipeline;

import dev.atelier.dataset.PreparationListener;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.files.Denoiser;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.opening.OpenerProcess;
import dev.atelier.opening.Opening;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Our side of {@code bench/models}: {@code ModelBenchmark open <folder>} has a folder opened apart
 * as a worker does by default; {@code ModelBenchmark step <folder> <out> <threads>} imports it, and
 * makes as many steps of DDIM as a line of standard input says. Answers are lines of JSON.
 */
final class ModelBenchmark {

  private static final int STEPS = 50; // of the trajectory that the step is the first of
  private static final Duration TIMEOUT = Duration.ofMinutes(5); // these three as of WorkerConfig
  private static final long MEMORY_BYTES = 8_000_000_000L;
  private static final long HEAP_BYTES = 256L << 20;

  private ModelBenchmark() {}

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[1]);
    if (args[0].equals("open")) {
      open(folder);
    } else {
      Libtorch.useThreads(Integer.parseInt(args[3]));
      step(folder, Path.of(args[2]));
    }
    System.exit(0);
  }

  private static Denoiser read(Path folder) throws IOException {
    return Denoiser.read(folder, Optional.empty());
  }

  private static void open(Path folder) throws IOException {
    DiffusersPipeline pipeline = DiffusersPipeline.read(folder, Optional.empty());
    Network network = pipeline.denoiser().network();
    Opening opening =
        new Opening.Teacher(
            folder,
            folder.getFileName().toString(),
            new TeacherImport.Expected(
                TeacherSpec.DEFAULT_NETWORK,
                pipeline.resolution(),
                pipeline
                    .autoencoder()
                    .map(a -> a.config().imageChannels())
                    .orElse(network.imageChannels()),
                network.classes(),
                pipeline.denoiser().diffusion(),
                pipeline.denoiser().sampler(STEPS).clip()));
    long[] peak = {0};
    PreparationListener listener =
        sentence ->
            peak[0] =
                Math.max(
                    peak[0],
                    ProcessHandle.current()
                        .descendants()
                        .mapToLong(child -> peakBytes(Long.toString(child.pid())))
                        .max()
                        .orElse(0));
    long begin = System.nanoTime();
    new OpenerProcess(TIMEOUT, MEMORY_BYTES, HEAP_BYTES)
        .open(opening, Files.createTempDirectory("opener"), listener);
    say("\"seconds\": %.3f, \"peakBytes\": %d", since(begin), peak[0]);
  }

  private static void step(Path folder, Path out) throws IOException {
    Map<String, HostTensor> inputs =
        SafetensorsFile.read(folder.resolve("inputs.safetensors")).tensors();
    Libtorch.requireDevice("cpu"); // loads it, as a worker's start does
    long begin = System.nanoTime();
    Denoiser denoiser = read(folder);
    Network network = denoiser.network();
    try (TorchModule module =
        Libtorch.load(
            network.inferenceModule(
                "Network", denoiser.tensors(), NetworkForm.of("cpu"), Precision.FP32),
            "cpu",
            Files.createTempDirectory("import"))) {
      say(
          "\"parameters\": %d, \"macs\": %d, \"importSeconds\": %.3f, \"peakBytes\": %d",
          network.parameters(),
          network.macs() + network.attentionMacs(),
          since(begin),
          peakBytes("self"));
      answer(new Step(denoiser, module, inputs), out);
    }
  }

  private static void answer(Step step, Path out) throws IOException {
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      List<String> seconds = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(line); i++) {
        long begin = System.nanoTime();
        Map<String, HostTensor> made = step.make();
        seconds.add("%.4f".formatted(since(begin)));
        SafetensorsFile.write(out, made, Map.of());
      }
      say(
          "\"seconds\": %s, \"timestep\": %d, \"peakBytes\": %d",
          seconds, step.now.t(), peakBytes("self"));
    }
  }

  /** The first step of a trajectory, from the same image each time. */
  private static final class Step {
    private final TorchModule module;
    private final Prediction predicted;
    private final NoiseSchedule schedule;
    private final Sampler sampler;
    private final Evaluation now;
    private final HostTensor x;
    private final HostTensor[] arguments;

    Step(Denoiser denoiser, TorchModule module, Map<String, HostTensor> inputs) {
      this.module = module;
      this.predicted = denoiser.diffusion().teacherPredicts();
      SamplerSpec spec = denoiser.sampler(STEPS);
      NoiseSchedule forward = NoiseSchedule.of(denoiser.diffusion());
      this.schedule = Sampler.schedule(spec, forward);
      this.sampler = Sampler.of(spec, forward, predicted);
      this.now = sampler.evaluations(SamplerPlan.of(spec, denoiser.diffusion().timesteps())).get(0);
      this.x = inputs.get("x");
      List<HostTensor> asked =
          new ArrayList<>(List.of(x, HostTensor.ofLongs(new long[] {now.t()}, 1)));
      Stream.of("y", "context").filter(inputs::containsKey).map(inputs::get).forEach(asked::add);
      this.arguments = asked.toArray(HostTensor[]::new);
    }

    Map<String, HostTensor> make() {
      HostTensor answer = module.forward(arguments);
      float[] said = answer.toFloats();
      float[] image = x.toFloats();
      Mixture mixture = Mixture.of(predicted, schedule, now.t());
      double[] x0 = new double[image.length];
      double[] eps = new double[image.length];
      Arrays.setAll(x0, i -> mixture.x0(image[i], said[i]));
      Arrays.setAll(eps, i -> mixture.eps(image[i], said[i]));
      sampler
          .begin(image.length)
          .step(
              FloatBuffer.wrap(image),
              x0,
              eps,
              now.t(),
              now.s(),
              () -> {
                throw new IllegalStateException("DDIM adds no noise.");
              });
      return Map.of("eps", answer, "x", HostTensor.ofFloats(image, x.shape()));
    }
  }

  private static double since(long begin) {
    return (System.nanoTime() - begin) / 1e9;
  }

  private static void say(String format, Object... arguments) {
    System.out.println("{" + String.format(Locale.ROOT, format, arguments) + "}");
  }

  /** The most memory that a process had resident; 0: it has ended. */
  private static long peakBytes(String process) {
    Path status = Path.of("/proc", process, "status");
    try (Stream<String> lines = Files.lines(status)) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }
}
