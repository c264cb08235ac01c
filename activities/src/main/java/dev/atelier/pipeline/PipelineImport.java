package dev.atelier.pipeline;

import dev.atelier.network.Network;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.files.TeacherImport.Expected;
import dev.atelier.network.files.TeacherImport.Imported;
import dev.atelier.network.files.TeacherImport.Tried;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.PipelineSampler.Request;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.TeacherSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Reads a user's teacher that may be a whole pipeline of diffusers: its parts are checked against
 * each other and against the experiment, and one image is made with them before it is accepted.
 */
public final class PipelineImport {

  private static final String PROMPT = "a photo"; // that it is tried with

  private PipelineImport() {}

  /**
   * Reads and tries the teacher at {@code path}: a pipeline of latents or texts, or whatever else
   * {@link TeacherImport} reads.
   *
   * @param source its name in messages
   * @param work a directory for temporary files
   * @param tried when networks of ours, and pipelines of them, are tried
   * @throws TeacherException with all that is wrong with it
   */
  public static Imported read(
      Path path, String source, Expected expected, String device, Path work, Tried tried)
      throws IOException {
    try {
      if (!Files.isDirectory(path) || !DiffusersPipeline.hasParts(path)) {
        return TeacherImport.read(path, source, expected, device, work, tried);
      }
      DiffusersPipeline pipeline = DiffusersPipeline.read(path, expected.variant());
      Network network = network(pipeline, expected);
      DiffusionSpec diffusion =
          pipeline.denoiser().agreedWith(expected.diffusion(), expected.clips());
      if (tried == Tried.NOW) {
        probe(pipeline, device, work);
      }
      List<String> parts =
          DiffusersFiles.of(path, expected.variant()).stream()
              .filter(DiffusersPipeline::isOfPart)
              .toList();
      return new Weights(
          network,
          pipeline.denoiser().tensors(),
          "%s, with %s%s; its scheduler_config.json says %s"
              .formatted(
                  pipeline.denoiser().taken(),
                  String.join(", ", pipeline.parts()),
                  left(path),
                  pipeline.denoiser().shownDiffusion()),
          diffusion,
          parts);
    } catch (IllegalArgumentException e) {
      throw new TeacherException(source, e.getMessage().replaceFirst("\\.$", ""), e);
    }
  }

  /** The parts that were not taken, such as a safety checker. */
  private static String left(Path root) throws IOException {
    List<String> left = DiffusersPipeline.otherParts(root);
    return left.isEmpty() ? "" : " (not %s)".formatted(String.join(", ", left));
  }

  /** The network as experiments see it: by the images, of which it sees latents. */
  private static Network network(DiffusersPipeline pipeline, Expected expected) {
    Network own = pipeline.denoiser().network();
    int channels =
        pipeline.autoencoder().map(a -> a.config().imageChannels()).orElse(own.imageChannels());
    require(
        "images of %d pixels per side",
        pipeline.resolution(), "dataset.resolution is %d", expected.resolution());
    require("images of %d channels", channels, "the dataset has %d", expected.channels());
    require("%d classes", own.classes(), "the dataset has %d", expected.classes());
    if (!expected.network().equals(TeacherSpec.DEFAULT_NETWORK)) {
      throw new IllegalArgumentException(
          "a pipeline brings its own network: leave teacher.network out");
    }
    Optional<LatentsSpec> latents =
        pipeline
            .autoencoder()
            .map(a -> new LatentsSpec(a.config().latentChannels(), a.config().reduction()));
    NetworkSpec spec = NetworkSpecBuilder.builder(own.spec()).latents(latents).build();
    return Network.of(spec, expected.resolution(), expected.channels(), expected.classes());
  }

  private static void require(String theirs, int found, String ours, int expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          "it is for %s, but %s".formatted(theirs.formatted(found), ours.formatted(expected)));
    }
  }

  /** Makes an image in one step with all parts. */
  private static void probe(DiffusersPipeline pipeline, String device, Path work)
      throws IOException {
    try (PipelineSampler sampler = new PipelineSampler(pipeline, device, work)) {
      HostTensor image =
          sampler.sample(
              new Request(
                  pipeline.texts().isPresent() ? List.of(PROMPT) : List.of(),
                  "",
                  pipeline.denoiser().network().conditional() ? List.of(0) : List.of(),
                  1,
                  new SamplerSpec(
                      SamplerSpec.Kind.DDIM, 1, SamplerSpec.Spacing.UNIFORM, 0.0, false),
                  sampler.noise(0, 1, 0),
                  0,
                  0));
      if (!image.isFinite()) {
        throw new IllegalArgumentException(
            "the image that was made of it to try it has values that are not finite");
      }
    }
  }
}
