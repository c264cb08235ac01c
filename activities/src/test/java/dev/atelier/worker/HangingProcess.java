package dev.atelier.worker;

import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.network.Network;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.libtorch.EndlessCall;
import dev.atelier.network.libtorch.NativeCalls;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.DirectoryCheckpointStore;
import dev.atelier.training.Distillation;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.training.ImageSource;
import dev.atelier.training.TeacherModel;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingTask;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** A process in which a file of a user's hangs, watched as a worker's are. */
final class HangingProcess {

  static final String HANGS = "hangs";

  /** What is done with the file. */
  enum Work {
    CALL,
    IMPORT,
    FIRST_STEP, // of a student that asks it for eps
    SAMPLING,
    EXTRACTING
  }

  private static final int SIDE = 8;
  private static final String FOR_EVER =
      """
        i = 0
        while torch.gt(1, 0):
          i = torch.add(i, 1)
        return x
      """
          .indent(0);

  private HangingProcess() {}

  /** Arguments: the work, a directory, and seconds that a call may take. */
  public static void main(String[] args) throws Exception {
    Work work = Work.valueOf(args[0]);
    Path directory = Path.of(args[1]);
    Duration timeout = Duration.ofSeconds(Integer.parseInt(args[2]));
    Thread thread = new Thread(() -> hang(work, directory));
    thread.start();
    while (NativeCalls.running().noneMatch(call -> call.thread().equals(thread))) {
      Thread.sleep(1);
    }
    new LivenessWatch(
            timeout, timeout, found -> Runtime.getRuntime().halt(ExitCode.NOT_LIVE.number()))
        .start();
    System.out.println(HANGS);
  }

  private static void hang(Work work, Path directory) {
    try {
      switch (work) {
        case CALL -> call(directory);
        case IMPORT -> imported(file(directory, "x: Tensor, t: Tensor"), directory);
        case FIRST_STEP -> firstStep(file(directory, "x: Tensor, t: Tensor"), directory);
        case SAMPLING -> sample(file(directory, "x: Tensor, t: Tensor"));
        case EXTRACTING -> extract(file(directory, "x: Tensor"));
      }
    } catch (Exception e) {
      throw new IllegalStateException("%s fails before it hangs.".formatted(work), e);
    }
  }

  private static Path file(Path directory, String parameters) throws IOException {
    Path file = directory.resolve("for-ever.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "ForEver",
            "def forward(self, %s) -> Tensor:\n%s".formatted(parameters, FOR_EVER),
            Map.of()));
    return file;
  }

  private static void call(Path directory) throws IOException {
    EndlessCall endless = new EndlessCall(directory);
    endless.hang();
    endless.call();
  }

  private static void imported(Path file, Path directory) throws IOException {
    TeacherImport.read(
        file,
        "the source",
        new TeacherImport.Expected(TeacherSpec.DEFAULT_NETWORK, SIDE, 3, 0, DiffusionSpec.DEFAULTS),
        "cpu",
        directory);
  }

  private static void firstStep(Path file, Path directory) throws Exception {
    Network student =
        Network.of(
            new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), SIDE, 3);
    TrainingTask task =
        new TrainingTask(
            "student-1",
            student,
            DiffusionSpec.DEFAULTS,
            TrainingSpecBuilder.builder().steps(4).batchSize(2).warmupSteps(1).build(),
            1,
            "spec",
            "code",
            Optional.of(
                new Distillation(
                    new TeacherModel.Archive(file),
                    new TimestepRange(0, 250),
                    0.8,
                    new LossSpec(1.0, 1.0))));
    new TrainingLoop(
            task,
            new Grey(),
            new DirectoryCheckpointStore(directory.resolve("run")),
            metrics -> {},
            () -> false,
            "cpu",
            directory)
        .run();
  }

  private static void sample(Path file) {
    OwnedModel model =
        new OwnedModel(file, new TimestepRange(0, 1000), Optional.empty(), Optional.empty());
    new EnsembleSampler(
            List.of(model),
            DiffusionSpec.DEFAULTS,
            new SamplerSpec(Kind.DDIM, 4, Spacing.TRAILING, 0.0),
            9,
            EnsembleSampler.Sampled.pixels(3, SIDE, ClassSequence.NONE),
            "cpu",
            OptionalLong.empty())
        .sample(0, 2, 2, (first, count, chw) -> {}, () -> false);
  }

  private static void extract(Path file) {
    FeatureExtractor.open(file, "for-ever", "0".repeat(64), Optional.empty(), SIDE, "cpu")
        .features(new byte[2 * 3 * SIDE * SIDE], 2, 3, SIDE);
  }

  private static final class Grey implements ImageSource {
    @Override
    public int count() {
      return 2;
    }

    @Override
    public void copy(int index, byte[] chw, int offset) {
      // as it is
    }

    @Override
    public int label(int index) {
      return 0;
    }
  }
}
