package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.evaluation.Gaussian;
import dev.atelier.evaluation.ReferenceStatistics;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtelierProgramTest {

  @TempDir private Path folder;

  @Test
  void shouldListTheStackFirstAndWhatNeedsNoServerAfterTheApi() {
    CommandOutput help = CommandOutput.of("--help");

    assertThat(help.exitCode()).isZero();
    assertThat(help.out())
        .containsSubsequence(
            "\n  demo ",
            "\n  up ",
            "\n  launch ",
            "\n  audit ",
            "\n  fid ",
            "\n  metrics ",
            "\n  generate ",
            "\n  program ",
            "\n  completion ",
            "\n  help ");
    assertThat(CommandOutput.of("fid", "--version").out()).startsWith("atelier ");
  }

  @Test
  void shouldRefuseNumbersOutOfRangeBeforeAnythingStarts() {
    CommandOutput output =
        CommandOutput.of("up", "--workers", "0", "--data", folder.resolve("new").toString());

    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.err()).contains("--workers must be 1 or more, found 0.");
    assertThat(folder.resolve("new")).doesNotExist();
  }

  @Test
  void shouldPrintOneNumberLastWhenTwoSourcesAreCompared() {
    CommandOutput output =
        CommandOutput.of(
            "fid",
            "shapes?count=200&seed=1",
            "shapes?count=200&seed=1",
            "--extractor",
            "random-conv",
            "--data",
            folder.toString());

    assertThat(output.err()).isEmpty();
    assertThat(output.out()).startsWith("Fréchet distance (random-conv) of 200 images of ");
    String last = output.out().lines().reduce((before, line) -> line).orElseThrow();
    assertThat(Double.parseDouble(last)).isBetween(-1e-4, 1e-4);
  }

  @Test
  void shouldPrintTheProgramThatTrainsTheStudents() throws Exception {
    Path spec = folder.resolve("small.yaml");
    Files.writeString(
        spec,
        """
        name: small
        dataset: {source: shapes, resolution: 8}
        teacher: {network: {channels: 16, multipliers: [1, 2], attentionResolutions: [4]}}
        students:
          network: {channels: 8, multipliers: [1, 2], attentionResolutions: [4]}
          loss: {feature: {kind: hint}}
        """);
    String byHand = CommandOutput.of("program", spec.toString()).out();
    String byAutograd = CommandOutput.of("program", spec.toString(), "--form", "portable").out();
    assertThat(byHand)
        .contains("class Training(Module):", "torch.convolution_backward", "feature_adaptor");
    assertThat(byAutograd)
        .contains("class Training(Module):", "torch.group_norm")
        .doesNotContain("torch.convolution_backward");

    String said = Files.readString(spec);
    Files.writeString(
        spec,
        said.replace("channels: 16,", "channels: 16, groups: 4,")
            .replace("channels: 8,", "channels: 8, groups: 2,"));
    assertThat(CommandOutput.of("program", spec.toString()).out()).isEqualTo(byHand);
    Files.writeString(spec, said.replace("channels: 8,", "channels: 8, groupsByWidth: true,"));
    assertThat(CommandOutput.of("program", spec.toString()).out()).isNotEqualTo(byHand);

    Files.writeString(spec, "dataset: {resolution: 9}");
    CommandOutput refused = CommandOutput.of("program", spec.toString());
    assertThat(refused.exitCode()).isEqualTo(1);
    assertThat(refused.err()).contains("Resolution 9 must be divisible by 8");
  }

  @Test
  void shouldPrintEveryMetricAsTextAndAsJson() throws Exception {
    String[] arguments = {
      "metrics",
      "shapes?count=200&seed=1",
      "shapes?count=210&seed=2",
      "--extractor",
      "random-conv",
      "--kid-subset-size",
      "50",
      "--data",
      folder.toString()
    };
    CommandOutput text = CommandOutput.of(arguments);
    assertThat(text.err()).isEmpty();
    assertThat(text.out())
        .containsSubsequence(
            "Fréchet distance", "kernel distance", "precision", "100 subsets of 50 images");

    String[] withJson = Arrays.copyOf(arguments, arguments.length + 1);
    withJson[arguments.length] = "--json";
    JsonNode report = new ObjectMapper().readTree(CommandOutput.of(withJson).out());
    assertThat(report.get("metrics").get("recall").asDouble()).isBetween(0.0, 1.0);
    assertThat(report.get("protocol").get("neighbours").get("referenceImages").asInt())
        .isEqualTo(210);
  }

  @Test
  void shouldGiveTheSameDistanceFromSavedStatisticsAndRefuseThoseOfAnotherExtractor()
      throws Exception {
    String a = "shapes?count=200&seed=1";
    String b = "shapes?count=200&seed=2";
    String[] shared = {"--extractor", "random-conv", "--data", folder.toString()};
    String saved = folder.resolve("b.npz").toString();
    assertThat(fid(shared, "fid", b, "--save", saved).err()).isEmpty();

    double direct = lastNumber(fid(shared, "fid", a, b));
    assertThat(direct).isPositive();
    assertThat(lastNumber(fid(shared, "fid", a, saved))).isEqualTo(direct);
    CommandOutput fewer = fid(shared, "metrics", a, saved);
    assertThat(fewer.out()).contains("Fréchet distance", "need the reference's images");

    CommandOutput other = CommandOutput.of("fid", saved, otherStatistics().toString());
    assertThat(other.exitCode()).isEqualTo(1);
    assertThat(other.err()).contains("come from different extractors: found 192 and 2 features");
  }

  @Test
  void shouldSayWhatIsPassedOverOfImagesThatAreCompared() throws IOException {
    Path images = Files.createDirectories(folder.resolve("images"));
    for (String name : List.of("a.png", "b.png", "c.png")) {
      ImageIO.write(
          new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB),
          "png",
          images.resolve(name).toFile());
    }
    Files.write(images.resolve("d.png"), new byte[3]);
    Files.writeString(images.resolve("notes.txt"), "no image");
    String source = images.toString();
    for (String command : List.of("fid", "metrics")) {
      String[] shared = {"--extractor", "random-conv", "--data", folder.toString()};
      assertThat(fid(shared, command, source, "shapes?count=200").err())
          .contains("1 of its 4 images are lost, expected at most a share of 0.1");
      assertThat(fid(shared, command, source, "shapes?count=200", "--max-lost-share", "0.25").err())
          .contains(
              "Passed over of '%s': damaged: 1 (d.png); no image by its name: 1 (notes.txt)."
                  .formatted(source),
              "needs more than 192 images in '%s', found 3.".formatted(source));
    }
  }

  @Test
  void shouldRefuseWhatCannotBeCompared() {
    String[] shared = {"--extractor", "random-conv", "--data", folder.toString()};
    CommandOutput few = fid(shared, "fid", "shapes?count=192", "shapes?count=200");
    assertThat(few.exitCode()).isEqualTo(1);
    assertThat(few.err()).contains("needs more than 192 images in 'shapes?count=192', found 192.");
    assertThat(CommandOutput.of("fid", "shapes", "shapes").err()).contains("--extractor is needed");
    assertThat(fid(shared, "fid", "shapes").err()).contains("found 'shapes' alone");
    assertThat(fid(shared, "metrics", "a.npz", "shapes").err()).contains("SAMPLES must be images");
    CommandOutput subsets =
        fid(shared, "metrics", "shapes?count=200", "shapes?count=300", "--kid-subset-size", "201");
    assertThat(subsets.err()).contains("can't have subsets of 201 images");
  }

  private static CommandOutput fid(String[] shared, String... arguments) {
    return CommandOutput.of(
        Stream.concat(Arrays.stream(arguments), Arrays.stream(shared)).toArray(String[]::new));
  }

  private static double lastNumber(CommandOutput output) {
    assertThat(output.err()).isEmpty();
    return Double.parseDouble(output.out().lines().reduce((before, line) -> line).orElseThrow());
  }

  private Path otherStatistics() throws IOException {
    Path file = folder.resolve("other.npz");
    new ReferenceStatistics(
            new Gaussian(new double[] {0, 0}, new double[] {1, 0, 0, 1}),
            OptionalLong.empty(),
            Optional.empty())
        .write(file);
    return file;
  }
}
