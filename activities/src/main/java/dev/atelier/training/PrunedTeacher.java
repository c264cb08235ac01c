package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModuleSettingsBuilder;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.pruning.ChannelPruning;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.PruningRule;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Starts a student from its teacher's most important channels.
 *
 * <p>For {@code TAYLOR} an element's importance is |w · ∂L/∂w|, the first-order change of the loss
 * when it becomes zero, summed over a few batches (Molchanov et al. 2019, "Importance Estimation
 * for Neural Network Pruning"; Fang et al. 2023). L is the diffusion loss, ‖eps − eps_T‖² of a
 * teacher that predicts eps. The batches are drawn as the student's own are, so that a specialist
 * keeps the channels that matter in its range.
 */
public record PrunedTeacher(Criterion criterion) implements InitialWeights {

  private static final int BATCHES = 4;
  private static final int IMAGES = 32; // of a batch

  @Override
  public Map<String, HostTensor> of(TrainingTask task, ImageSource images, String device, Path work)
      throws IOException {
    TeacherModel.Weights teacher = TeacherModel.known(task, "prune the teacher");
    PruningRule.fault(
            teacher.network().spec(), task.network().spec(), task.network().imageResolution())
        .ifPresent(
            fault -> {
              throw new InvalidSpecException("The network of %s %s".formatted(task.name(), fault));
            });
    Map<String, float[]> saliency =
        switch (criterion) {
          case MAGNITUDE -> ChannelPruning.magnitudes(teacher.weights());
          case TAYLOR -> taylor(teacher, task, images, device, work);
        };
    return new ChannelPruning(teacher.network(), task.network())
        .prune(teacher.weights(), saliency, criterion, task.diffusion().timesteps());
  }

  /** Sum over a few batches of |w · ∂L/∂w|, by element of each of the teacher's tensors. */
  private static Map<String, float[]> taylor(
      TeacherModel.Weights teacher, TrainingTask task, ImageSource images, String device, Path work)
      throws IOException {
    Network network = teacher.network().withoutDropout();
    TrainingTask drawing =
        new TrainingTask(
            task.name(),
            network,
            task.diffusion(),
            batches(task.training()),
            new SeededRandom(task.seed()).seedFor(Purpose.INITIALISATION, 0),
            task.specHash(),
            task.codeVersion(),
            task.distillation());
    TrainingBatch batch = new TrainingBatch(drawing, images);
    try (TorchModule module = open(network, teacher.weights(), device, work)) {
      Map<String, float[]> sums = new LinkedHashMap<>();
      for (int k = 0; k < BATCHES; k++) {
        batch.draw(k);
        List<HostTensor> inputs = new ArrayList<>(List.of(batch.xt(), batch.target()));
        inputs.addAll(batch.conditions());
        List<HostTensor> found =
            MemoryRanOutException.naming(
                "Pruning the teacher for " + task.name(),
                drawing.training().batchSize(),
                network.resolution(),
                () -> gradients(module, inputs));
        add(network, teacher.weights(), found, sums);
      }
      return sums;
    }
  }

  /** |w · g| of each element, for one batch. */
  static void add(
      Network network,
      Map<String, HostTensor> weights,
      List<HostTensor> gradients,
      Map<String, float[]> sums) {
    for (int i = 0; i < gradients.size(); i++) {
      String name = network.weights().get(i).name();
      float[] w = weights.get(name).toFloats();
      float[] g = gradients.get(i).toFloats();
      float[] sum = sums.computeIfAbsent(name, n -> new float[w.length]);
      for (int j = 0; j < w.length; j++) {
        sum[j] += Math.abs(w[j] * g[j]);
      }
    }
  }

  static List<HostTensor> gradients(TorchModule module, List<HostTensor> inputs) {
    return module.run("gradients", inputs.toArray(HostTensor[]::new));
  }

  /** The network with the method {@code gradients}. */
  static TorchModule open(
      Network network, Map<String, HostTensor> weights, String device, Path work)
      throws IOException {
    Settings settings =
        TrainingModuleSettingsBuilder.builder()
            .clipNorm(1)
            .beta2(TrainingSpec.DEFAULTS.beta2())
            .diffusionWeight(1)
            .accumulationSteps(1)
            .precision(Precision.FP32)
            .form(NetworkForm.PORTABLE)
            .feature(FeatureLossSpec.NONE)
            .build();
    Path archive = Files.createTempFile(work, "taylor-", ".pt");
    try {
      TorchScriptArchive.write(
          archive, TrainingModule.of(network, TrainingState.initial(weights), settings));
      return Libtorch.load(archive, device, TorchModule.Mode.TRAINING);
    } finally {
      Files.delete(archive);
    }
  }

  private static TrainingSpec batches(TrainingSpec like) {
    return TrainingSpecBuilder.builder(like)
        .steps(BATCHES)
        .batchSize(IMAGES)
        .accumulationSteps(1)
        .precision(Precision.FP32)
        .weighting(Optional.empty())
        .weightingGamma(Optional.empty())
        .build();
  }
}
