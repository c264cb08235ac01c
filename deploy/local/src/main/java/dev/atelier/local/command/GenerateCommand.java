package dev.atelier.local.command;

import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.ExitCodes;
import dev.atelier.cli.Screen;
import dev.atelier.dataset.ImageGrid;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.DiffusersPipeline;
import dev.atelier.pipeline.PipelineSampler;
import dev.atelier.pipeline.PipelineSampler.Request;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes images with a pipeline of diffusers, without Python or any server. */
@Command(
    name = "generate",
    description = "Make images with a diffusers folder: of pixels or latents, by class or by text.")
final class GenerateCommand implements Callable<Integer> {

  private static final double USUAL_GUIDANCE = 7.5;

  @Parameters(
      index = "0",
      paramLabel = "FOLDER",
      description = "A pipeline as save_pretrained of diffusers writes it.")
  private Path folder;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "What to show, for a pipeline that reads texts; again for further images.")
  private List<String> prompts = List.of();

  @Option(
      names = "--negative-prompt",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What guidance leads away from.")
  private String negativePrompt;

  @Option(
      names = "--class",
      paramLabel = "K",
      description = "A class, for a class-conditional pipeline; again for further images.")
  private List<Integer> classes = List.of();

  @Option(
      names = "--images",
      paramLabel = "N",
      description = "How many images; of each prompt or class, if there are any (1).")
  private Optional<Integer> images;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "50",
      description = "Steps of the folder's scheduler (${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = "--guidance",
      paramLabel = "SCALE",
      description =
          "How far predictions are led on from those without text or class; at most 1: not at all (7.5 for texts, else 1).")
  private Optional<Double> guidance;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of all noise (${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--variant",
      paramLabel = "NAME",
      description = "Of the weights, such as fp16, where the folder has several.")
  private Optional<String> variant;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "1",
      description = "Images at once (${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "images",
      description = "Where the images are written, 0.png and so on (${DEFAULT-VALUE}).")
  private Path out;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "${sys:user.home}/.atelier",
      description = "Keeps libtorch (${DEFAULT-VALUE}).")
  private Path data;

  @Override
  public Integer call() throws CommandFailure {
    System.setProperty("DJL_CACHE_DIR", data.resolve("djl").toAbsolutePath().toString());
    try {
      if (!Files.isDirectory(folder)) {
        throw new CommandFailure("There is no folder '%s'.".formatted(folder));
      }
      generate();
      return ExitCodes.OK;
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          "Cannot use '%s': %s.".formatted(folder, e.getMessage().replaceFirst("\\.$", "")), e);
    } catch (IOException e) {
      throw new CommandFailure("Cannot read or write a file: %s".formatted(e), e);
    }
  }

  private void generate() throws IOException, CommandFailure {
    if (batchSize < 1 || images.filter(n -> n < 1).isPresent() || steps < 1) {
      throw new CommandFailure(
          "--images, --steps and --batch-size must be at least 1, found %d, %d and %d."
              .formatted(images.orElse(1), steps, batchSize));
    }
    if (Files.exists(out) && !Files.isDirectory(out)) {
      throw new CommandFailure("--out is to be a folder, but '%s' is a file.".formatted(out));
    }
    DiffusersPipeline pipeline = DiffusersPipeline.read(folder, variant);
    requirePictures(pipeline);
    SamplerSpec sampler = pipeline.denoiser().sampler(steps);
    List<String> texts = repeated(prompts);
    List<Integer> labels = repeated(classes);
    int count = Math.max(Math.max(texts.size(), labels.size()), 1);
    if (texts.isEmpty() && labels.isEmpty()) {
      count = images.orElse(1);
    }
    Libtorch.useThreads(Runtime.getRuntime().availableProcessors());
    Path work = Files.createTempDirectory("atelier-generate");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> wipe(work), "wipe")); // Ctrl-C
    try (PipelineSampler pictures =
        new PipelineSampler(pipeline, "cpu", work, GenerateCommand::show)) {
      Files.createDirectories(out);
      for (int first = 0; first < count; first += batchSize) {
        int end = Math.min(count, first + batchSize);
        Request request =
            new Request(
                part(texts, first, end),
                negativePrompt,
                part(labels, first, end),
                guidance.orElse(texts.isEmpty() ? 1 : USUAL_GUIDANCE),
                sampler,
                pictures.noise(first, end - first, seed),
                first,
                seed);
        write(first, pictures.sample(request));
      }
    } finally {
      wipe(work);
    }
  }

  private static void show(Request request, int asked, int times) {
    int last = request.first() + request.images() - 1;
    System.err.printf("images %d to %d: %d of %d%n", request.first(), last, asked, times);
  }

  /** The folder and its files, if they are there. */
  private static void wipe(Path folder) {
    File[] files = folder.toFile().listFiles();
    for (File file : files == null ? new File[0] : files) {
      file.delete();
    }
    folder.toFile().delete();
  }

  private static void requirePictures(DiffusersPipeline pipeline) {
    int channels =
        pipeline
            .autoencoder()
            .map(a -> a.config().imageChannels())
            .orElse(pipeline.denoiser().network().imageChannels());
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException(
          "it makes images of %d channels%s, expected 1 or 3"
              .formatted(
                  channels, pipeline.autoencoder().isEmpty() ? " and has no folder vae" : ""));
    }
  }

  private <T> List<T> repeated(List<T> each) {
    return each.stream()
        .flatMap(value -> Collections.nCopies(images.orElse(1), value).stream())
        .toList();
  }

  private static <T> List<T> part(List<T> values, int first, int end) {
    return values.isEmpty() ? values : values.subList(first, end);
  }

  /** Images {@code first} on. */
  private void write(int first, HostTensor made) throws IOException {
    int end = first + (int) made.shape()[0];
    if (!made.isFinite()) {
      throw new IllegalArgumentException(
          "images %d to %d have values that are not finite".formatted(first, end - 1));
    }
    byte[] pixels = PipelineSampler.pixels(made);
    int channels = (int) made.shape()[1];
    int side = (int) made.shape()[2];
    for (int i = first; i < end; i++) {
      byte[] image = new byte[channels * side * side];
      System.arraycopy(pixels, (i - first) * image.length, image, 0, image.length);
      Path file = out.resolve(i + ".png");
      Files.write(file, ImageGrid.png(image, 1, channels, side, 1, 1, 1));
      Screen.standard().print(file.toString());
    }
  }
}
