package dev.atelier.local.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.Gaussian;
import dev.atelier.evaluation.ReferenceStatistics;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code fid} and {@code metrics} make of {@code .npz} files. */
class FidCommandTest {

  private static final int IMAGES = 200;
  private static final int SIDE = 10;

  @TempDir Path folder;

  @Test
  void shouldReadSamplesInAnNpzAsTheSameImagesInAFolder() throws Exception {
    writeImages();
    String other = "shapes?count=200";
    String fromFolder = last(fid("fid", folder.resolve("images").toString(), other));
    String fromNpz = last(fid("fid", folder.resolve("samples.NPZ").toString(), other));
    assertThat(fromNpz).isEqualTo(fromFolder);
    assertThat(fid("metrics", folder.resolve("samples.NPZ").toString(), other).out())
        .contains("200 images of")
        .contains("precision");
    CommandOutput without =
        CommandOutput.of("fid", folder.resolve("samples.NPZ").toString(), "b.npz");
    assertThat(without.exitCode()).isEqualTo(2);
    assertThat(without.err()).contains("--extractor is needed");
  }

  @Test
  void shouldCallFidOnlyWhatIsKnownToComeFromInceptionOnBothSides() throws Exception {
    String named = statistics("named.npz", 1, Optional.of(FeatureExtractor.INCEPTION_NAME));
    String also = statistics("also.npz", 2, Optional.of(FeatureExtractor.INCEPTION_NAME));
    String unnamed = statistics("unnamed.NPZ", 3, Optional.empty());
    assertThat(data("fid", named, also).out()).startsWith("FID of ");
    assertThat(data("fid", named, unnamed).out())
        .startsWith("Fréchet distance (extractor f58cb9b6; statistics of an unnamed network) of ");
    assertThat(data("fid", unnamed, unnamed).out())
        .startsWith("Fréchet distance (unknown extractor) of ");
    assertThat(data("fid", named, unnamed, "--statistics-extractor", "inception-2015-12-05").out())
        .startsWith("FID of ");
    CommandOutput wrong = data("fid", named, unnamed, "--statistics-extractor", "ab".repeat(32));
    assertThat(wrong.exitCode()).isEqualTo(1);
    assertThat(wrong.err()).contains("than the one named: expected sha256 abab");
    assertThat(data("fid", named, unnamed, "--statistics-extractor", "Inception").err())
        .contains("--statistics-extractor must be inception-2015-12-05 or the 64");
  }

  @Test
  void shouldRefuseASigmaThatIsNoCovariance() throws Exception {
    String good = statistics("good.npz", 1, Optional.empty());
    String negative = statistics("negative.npz", -1, Optional.empty());
    CommandOutput output = data("fid", good, negative);
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err()).contains("sigma is no covariance, as its least eigenvalue is -2");
  }

  private String statistics(String name, double scale, Optional<String> network)
      throws IOException {
    Path file = folder.resolve(name);
    new ReferenceStatistics(
            new Gaussian(new double[] {0, 0}, new double[] {scale, 0, 0, 2 * scale}),
            OptionalLong.empty(),
            network.map(FeatureExtractor::sha256Of))
        .write(file);
    return file.toString();
  }

  private void writeImages() throws IOException {
    Path images = Files.createDirectory(folder.resolve("images"));
    Random random = new Random(1);
    ByteArrayOutputStream array = new ByteArrayOutputStream();
    String header =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d, 3), }\n"
            .formatted(IMAGES, SIDE, SIDE);
    array.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
    array.write(header.getBytes(StandardCharsets.US_ASCII));
    for (int i = 0; i < IMAGES; i++) {
      BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
      for (int at = 0; at < SIDE * SIDE; at++) {
        int rgb = random.nextInt(1 << 24);
        image.setRGB(at % SIDE, at / SIDE, rgb);
        array.write(rgb >> 16);
        array.write(rgb >> 8);
        array.write(rgb);
      }
      ImageIO.write(image, "png", images.resolve("%03d.png".formatted(i)).toFile());
    }
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(folder.resolve("samples.NPZ")))) {
      zip.putNextEntry(new ZipEntry("arr_0.npy"));
      zip.write(array.toByteArray());
    }
  }

  private CommandOutput fid(String... arguments) {
    return data(
        Stream.concat(
                Arrays.stream(arguments),
                Stream.of("--extractor", "random-conv", "--resolution", "16"))
            .toArray(String[]::new));
  }

  private CommandOutput data(String... arguments) {
    return CommandOutput.of(
        Stream.concat(Arrays.stream(arguments), Stream.of("--data", folder.toString()))
            .toArray(String[]::new));
  }

  private static String last(CommandOutput output) {
    assertThat(output.err()).isEmpty();
    return output.out().lines().reduce((before, line) -> line).orElseThrow();
  }
}
