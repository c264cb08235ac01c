package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of the tiny pipelines that the engine is held against diffusers with. */
class GenerateCommandTest {
  private static final Path PIPELINES =
      Path.of("../../activities/src/test/resources/pipeline").toAbsolutePath().normalize();

  @TempDir Path directory;

  private CommandOutput generate(String folder, String out, String... options) {
    String[] args = new String[options.length + 8];
    args[0] = "generate";
    args[1] = folder;
    System.arraycopy(
        new String[] {"--steps", "4", "--out", directory.resolve(out).toString(), "--data"},
        0,
        args,
        2,
        5);
    args[7] = directory.resolve("data").toString();
    System.arraycopy(options, 0, args, 8, options.length);
    return CommandOutput.of(args);
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
