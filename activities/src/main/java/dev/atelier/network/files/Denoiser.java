package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.NetworkSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The network of a pipeline of diffusers that predicts noise, of the size that its own config says,
 * and its scheduler.
 *
 * @param tensors its weights by name
 * @param part its folder in the pipeline; empty: the pipeline's own
 * @param taken its files and their types, for people
 * @param diffusion the forward process that it was trained on
 */
public record Denoiser(
    Network network,
    Map<String, HostTensor> tensors,
    String part,
    String taken,
    DiffusionSpec diffusion,
    JsonNode scheduler) {

  /**
   * Whether the folder's network reads texts.
   *
   * @throws IllegalArgumentException if it is no folder of diffusers, as a clause
   */
  public static boolean readsTexts(Path root) throws IOException {
    return DiffusersNetwork.readsTexts(DiffusersFolder.of(root).config());
  }

  /**
   * Reads the pipeline in {@code root}.
   *
   * @param variant of the weights; absent: those without one, else the only one
   * @throws IllegalArgumentException naming the file and what is wrong with it, as a clause
   */
  public static Denoiser read(Path root, Optional<String> variant) throws IOException {
    DiffusersFolder folder = DiffusersFolder.of(root);
    JsonNode config = folder.config();
    DiffusersNetwork.Sizes sizes = DiffusersNetwork.sizes(config);
    NetworkSpec spec =
        DiffusersNetwork.network(config, sizes.resolution(), sizes.channels(), sizes.classes());
    JsonNode scheduler =
        folder
            .scheduler()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "expected scheduler/scheduler_config.json, found none"));
    DiffusionSpec diffusion = SchedulerConfig.diffusion(scheduler);
    Network network = Network.of(spec, sizes.resolution(), sizes.channels(), sizes.classes());
    WeightFiles files = folder.weights(variant);
    WeightFiles.Read read = files.read();
    Map<String, HostTensor> tensors = CurrentTensors.of(read.tensors());
    String taken =
        "%s, %s".formatted(folder.shown(files.files()), TeacherImport.dtypes(read.dtypes()));
    String part = root.relativize(folder.network()).toString();
    try {
      network.check(tensors, "the set of weights of %s/config.json".formatted(part));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(e.getMessage().replaceFirst("\\.$", ""), e); // a clause
    }
    if (SchedulerConfig.tellsTheNextTimestep(scheduler)) {
      tensors = TimestepOffset.oneEarlier(network.graph(), tensors);
    }
    return new Denoiser(network, tensors, part, taken, diffusion, scheduler);
  }

  /**
   * The forward process for an experiment that asks for {@code asked}.
   *
   * @param clips whether its sampler clips x_0
   * @throws IllegalArgumentException if they disagree, as a clause that names the fields
   */
  public DiffusionSpec agreedWith(DiffusionSpec asked, boolean clips) {
    DiffusionSpec agreed = asked.isTeachers() ? diffusion.withStudentsLike(asked) : asked.settled();
    SchedulerConfig.check(scheduler, agreed, clips);
    return agreed;
  }

  /** The forward process as a spec has it, for people. */
  public String shownDiffusion() {
    return SchedulerConfig.written(diffusion);
  }

  /**
   * What the pipeline's own scheduler does with so many steps.
   *
   * @throws IllegalArgumentException naming the fields that ask for what is not here, as a clause
   */
  public SamplerSpec sampler(int steps) {
    return SchedulerConfig.sampler(scheduler, steps);
  }
}
