package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of the tiny pipelines that the engine is held against diffusers with. */
class GenerateCommandTest {
  private static final Path PIPELINES =
      Path.of("../../activities/src/test/resources/pipeline").toAbsolutePath().normalize();

  @TempDir Path directory;

  private CommandOutput generate(String folder, String out, String... options) {
    List<String> args = new ArrayList<>(List.of("generate", folder));
    args.addAll(List.of("--out", directory.resolve(out).toString()));
    args.addAll(List.of("--data", directory.resolve("data").toString()));
    args.addAll(List.of(options));
    if (!args.contains("--steps")) {
      args.addAll(List.of("--steps", "4"));
    }
    return CommandOutput.of(args.toArray(String[]::new));
  }

  @Test
  void shouldMakeTheSameImageOfEachPromptWhateverTheBatch() throws Exception {
    String[] prompts = {"--prompt", "a cat", "--prompt", "two dogs", "--seed", "3"};
    CommandOutput output = generate(PIPELINES.resolve("sd1").toString(), "one", prompts);
    assertThat(output.err()).contains("images 1 to 1: 5 of 5"); // PNDM asks once more than steps
    assertThat(output.exitCode()).isZero();
    assertThat(output.out()).contains("0.png", "1.png");
    assertThat(ImageIO.read(directory.resolve("one/0.png").toFile()).getWidth()).isEqualTo(16);

    String[] both = {
      "--prompt", "a cat", "--prompt", "two dogs", "--seed", "3", "--batch-size", "2"
    };
    generate(PIPELINES.resolve("sd1").toString(), "both", both);
    for (String image : new String[] {"0.png", "1.png"}) {
      assertThat(Files.readAllBytes(directory.resolve("both").resolve(image)))
          .isEqualTo(Files.readAllBytes(directory.resolve("one").resolve(image)));
    }
    assertThat(Files.readAllBytes(directory.resolve("one/0.png")))
        .isNotEqualTo(Files.readAllBytes(directory.resolve("one/1.png")));
  }

  @Test
  void shouldMakeImagesOfPixelsAndOfClasses() {
    CommandOutput pixels = generate(PIPELINES.resolve("ddpm").toString(), "ddpm", "--images", "2");
    assertThat(pixels.exitCode()).isZero();
    assertThat(directory.resolve("ddpm/1.png")).exists();
    String[] classes = {"--class", "207", "--class", "360", "--guidance", "4"};
    assertThat(generate(PIPELINES.resolve("dit").toString(), "dit", classes).exitCode()).isZero();
    assertThat(directory.resolve("dit/1.png")).exists();
  }

  @Test
  void shouldReadFoldersAndPromptsOfAnyLetters() throws Exception {
    Path folder = copy("sd1", "Bäume und Straßen 木");
    CommandOutput output =
        generate(
            folder.toString(), "grüße aus", "--prompt", "🐈 auf einer Straße, 木", "--steps", "1");
    assertThat(output.err()).contains("images 0 to 0: 1 of 1");
    assertThat(output.exitCode()).isZero();
    assertThat(directory.resolve("grüße aus/0.png")).exists();
  }

  @Test
  void shouldSayBeforeItStartsWhatIsWrongWithItsOptions() throws Exception {
    String ddpm = PIPELINES.resolve("ddpm").toString();
    assertThat(generate(ddpm, "out", "--steps", "0").err())
        .contains("--images, --steps and --batch-size must be at least 1, found 1, 0 and 1.")
        .doesNotContain("Cannot use");
    assertThat(generate(ddpm, "out", "--steps", "1001").err())
        .contains("num_train_timesteps is 1000, supported: 1001 or more");
    assertThat(
            generate(
                    PIPELINES.resolve("dit").toString(), "out", "--class", "1", "--guidance", "NaN")
                .err())
        .contains("The pipeline needs a finite guidance, found NaN.");
    Files.createFile(directory.resolve("file"));
    assertThat(generate(ddpm, "file").err())
        .contains(
            "--out is to be a folder, but '%s' is a file.".formatted(directory.resolve("file")));
    Path latents = copy("dit", "without-vae");
    try (Stream<Path> files = Files.list(latents.resolve("vae"))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(latents.resolve("vae"));
    assertThat(generate(latents.toString(), "out", "--class", "1").err())
        .contains("it makes images of 4 channels and has no folder vae, expected 1 or 3")
        .doesNotContain("1 of 4");
  }

  @Test
  void shouldDrawNothingOfWeightsThatAreNotFinite() throws Exception {
    Path folder = copy("ddpm", "not-finite");
    Path weights = folder.resolve("unet/diffusion_pytorch_model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    for (int i = bytes.length - 4 * 3; i < bytes.length; i++) {
      bytes[i] = (byte) 0xff; // NaN
    }
    Files.write(weights, bytes);
    assertThat(generate(folder.toString(), "out").err())
        .contains("images 0 to 0 have values that are not finite");
    assertThat(directory.resolve("out/0.png")).doesNotExist();
  }

  private Path copy(String pipeline, String name) throws IOException {
    Path from = PIPELINES.resolve(pipeline);
    Path to = directory.resolve(name);
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : all.toList()) {
        Files.copy(path, to.resolve(from.relativize(path).toString()));
      }
    }
    return to;
  }

  @Test
  void shouldSayInOneSentenceWhatItCannotDo() {
    assertThat(generate(PIPELINES.resolve("sd1").toString(), "out").err())
        .contains("Cannot use", "The pipeline needs 1 prompts, one for each image, found 0.");
    assertThat(generate(directory.resolve("nothing").toString(), "out").err())
        .contains("There is no folder '%s'.".formatted(directory.resolve("nothing")));
    CommandOutput classes =
        generate(PIPELINES.resolve("sd1").toString(), "out", "--prompt", "a", "--class", "1");
    assertThat(classes.err()).contains("needs no classes, as it has none, found 1.");
    assertThat(classes.exitCode()).isEqualTo(1);
    assertThat(directory.resolve("out/0.png")).doesNotExist();
  }
}
