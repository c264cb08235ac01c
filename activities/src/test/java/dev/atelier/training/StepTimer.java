package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.UNet;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Times training: {@code StepTimer <channels> <multipliers> <resBlocks> <side> <batch> <threads>
 * <teacher channels or 0> [FP32 or BF16] [separate]}.
 */
final class StepTimer {
  private StepTimer() {}

  public static void main(String[] args) throws Exception {
    int channels = Integer.parseInt(args[0]);
    List<Integer> multipliers =
        Arrays.stream(args[1].split("-", -1)).map(Integer::valueOf).toList();
    int resBlocks = Integer.parseInt(args[2]);
    int side = Integer.parseInt(args[3]);
    int batch = Integer.parseInt(args[4]);
    int teacherChannels = Integer.parseInt(args[6]);
    Libtorch.useThreads(Integer.parseInt(args[5]));
    UNet network =
        UNet.of(
            new NetworkSpec(channels, multipliers, resBlocks, List.of(8), 1, 0.0, Optional.empty()),
            side,
            3);
    Path work = Files.createTempDirectory("timer");
    Optional<Distillation> distillation = Optional.empty();
    if (teacherChannels > 0) {
      UNet teacher =
          UNet.of(
              new NetworkSpec(
                  teacherChannels, multipliers, resBlocks, List.of(8), 1, 0.0, Optional.empty()),
              side,
              3);
      TeacherModel model =
          new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5)));
      if (args.length > 8 && args[8].equals("separate")) {
        Path archive = work.resolve("t.pt");
        TorchScriptArchive.write(
            archive, teacher.inferenceModule("UNet", teacher.initialise(new SeededRandom(5))));
        model = new TeacherModel.Archive(archive);
      }
      distillation =
          Optional.of(
              new Distillation(model, new TimestepRange(0, 250), 0.8, new LossSpec(1.0, 1.0)));
    }
    TrainingTask task =
        new TrainingTask(
            "timer",
            network,
            new DiffusionSpec(null, null, null, null),
            new TrainingSpec(
                Integer.getInteger("steps", 120),
                batch,
                1e-3,
                3,
                0.0,
                1.0,
                0.99,
                true,
                1000,
                Integer.getInteger("every", 20),
                null,
                null,
                Integer.getInteger("accumulation", 1),
                args.length > 7 ? Precision.valueOf(args[7]) : Precision.FP32,
                null),
            1,
            "",
            "",
            distillation);
    System.out.println(network.parameters() + " parameters, " + network.macs() + " MACs");
    ImageSource images =
        new ImageSource() {
          @Override
          public int count() {
            return 1000;
          }

          @Override
          public void copy(int index, byte[] chw, int offset) {
            chw[offset] = (byte) index;
          }
        };
    new TrainingLoop(
            task,
            images,
            new DirectoryCheckpointStore(work),
            m ->
                System.out.println(
                    m.step()
                        + " "
                        + m.loss()
                        + " steps/s "
                        + m.imagesPerSecond() / batch
                        + " native "
                        + m.nativeBytes()),
            () -> false,
            "cpu",
            work)
        .run();
  }
}
