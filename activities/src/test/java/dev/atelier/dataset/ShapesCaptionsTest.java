package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.spec.ShapesSource;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesCaptionsTest {

  private static final int IMAGES = 300;

  /** RGB of each hue at full saturation. */
  private static final Map<String, List<Integer>> COLOURS =
      Map.of(
          "red", List.of(255, 0, 0),
          "yellow", List.of(255, 255, 0),
          "green", List.of(0, 255, 0),
          "cyan", List.of(0, 255, 255),
          "blue", List.of(0, 0, 255),
          "magenta", List.of(255, 0, 255));

  @TempDir Path temporary;

  @Test
  void shouldNameTheHueAndTheShapeThatTheImageShows() throws IOException {
    PreparedDataset prepared = prepare("shapes?count=300&seed=4", true);
    PackedImages images = open(prepared);
    ShapesGenerator generator = new ShapesGenerator(4);
    byte[] chw = new byte[3 * 16 * 16];
    for (int i = 0; i < IMAGES; i++) {
      images.copy(i, chw, 0);
      int centre = 8 * 16 + 8;
      String hue = generator.scene(i).hue().word();
      assertThat(
              List.of(chw[centre] & 0xFF, chw[256 + centre] & 0xFF, chw[2 * 256 + centre] & 0xFF))
          .isEqualTo(COLOURS.get(hue));
      String shape = generator.scene(i).shape().word();
      assertThat(images.captions(i).get(0)).isEqualTo("a " + hue + " " + shape);
      assertThat(images.captions(i)).hasSize(3).doesNotHaveDuplicates();
      assertThat(images.captions(i))
          .allSatisfy(caption -> assertThat(caption.split(" ", -1)).contains(hue, shape));
    }
    assertThat(prepared.manifest().captionCount()).isEqualTo(3 * IMAGES);
  }

  @Test
  void shouldUseEveryWordingAndBeTheSameEachTime() throws IOException {
    PackedImages images = open(prepare("shapes?count=300&seed=4", true));
    PackedImages again = open(prepare("shapes?count=300&seed=4", true));
    Set<String> wordings = new HashSet<>();
    for (int i = 0; i < IMAGES; i++) {
      assertThat(again.captions(i)).isEqualTo(images.captions(i));
      ShapesSource.Scene scene = new ShapesGenerator(4).scene(i);
      images
          .captions(i)
          .forEach(
              caption ->
                  wordings.add(
                      caption.replace(scene.hue().word(), "H").replace(scene.shape().word(), "S")));
    }
    assertThat(wordings).hasSize(9);
  }

  @Test
  void shouldPaintTheSameImagesWithCaptionsAndWithout() throws IOException {
    PreparedDataset captioned = prepare("shapes?count=50", true);
    PreparedDataset plain = prepare("shapes?count=50", false);
    assertThat(captioned.manifest().shards()).isEqualTo(plain.manifest().shards());
    assertThat(captioned.manifest().sha256()).isNotEqualTo(plain.manifest().sha256());
    assertThat(open(plain).captions(0)).isEmpty();
    assertThat(Files.readString(plain.directory().resolve(DatasetManifest.FILE_NAME)))
        .doesNotContain("caption");
    assertThat(plain.manifest().sha256())
        .as("as it was before there were captions")
        .isEqualTo("0d0dc4a99f3288d441ec4450b0a121aea4e4fe81713464750c7351a0128ce35e");
  }

  @Test
  void shouldHoldScenesOutAndDrawOnUntilThereAreEnough() throws IOException {
    PackedImages images =
        open(prepare("shapes?count=300&seed=4&without=red+circle,blue+cross", true));
    assertThat(images.count()).isEqualTo(IMAGES);
    Set<String> shown = new TreeSet<>();
    for (int i = 0; i < IMAGES; i++) {
      shown.add(images.captions(i).get(0));
    }
    assertThat(shown).hasSize(22).doesNotContain("a red circle", "a blue cross");
    assertThat(shown).contains("a blue circle", "a red cross");

    // Those that are left are the images of the same seed, in their order.
    PackedImages all = open(prepare("shapes?count=400&seed=4", true));
    List<Integer> left =
        IntStream.range(0, 400)
            .filter(i -> !Set.of("a red circle", "a blue cross").contains(all.captions(i).get(0)))
            .limit(IMAGES)
            .boxed()
            .toList();
    byte[] expected = new byte[3 * 16 * 16];
    byte[] found = new byte[3 * 16 * 16];
    for (int i = 0; i < IMAGES; i++) {
      all.copy(left.get(i), expected, 0);
      images.copy(i, found, 0);
      assertThat(found).isEqualTo(expected);
      assertThat(images.captions(i)).isEqualTo(all.captions(left.get(i)));
    }
  }

  @Test
  void shouldPrepareAndShowImagesOf512Pixels() throws IOException {
    PreparedDataset prepared =
        new DatasetPreparation(temporary, object -> temporary, sentence -> {})
            .prepare(new DatasetSpec("shapes?count=33", "", 512, null), temporary.resolve("512"));
    PackedImages images = open(prepared);
    byte[] chw = new byte[32 * 3 * 512 * 512];
    for (int i = 0; i < 32; i++) {
      images.copy(i + 1, chw, i * 3 * 512 * 512);
    }
    byte[] png = ImageGrid.png(chw, 32, 3, 512, 4, 8, ImageGrid.scaleFor(512));
    assertThat(ImageIO.read(new ByteArrayInputStream(png)).getHeight()).isGreaterThan(4 * 512);
  }

  private PreparedDataset prepare(String source, boolean captioned) throws IOException {
    DatasetSpec spec =
        new DatasetSpec(
            source,
            "",
            16,
            null,
            3,
            false,
            null,
            null,
            captioned
                ? Optional.of(new CaptionsSpec(Optional.empty(), Optional.empty()))
                : Optional.empty());
    return new DatasetPreparation(temporary, object -> temporary, sentence -> {})
        .prepare(spec, Files.createTempDirectory(temporary, "out-"));
  }

  static PackedImages open(PreparedDataset prepared) {
    return PackedImages.open(
        prepared.manifest(),
        paths(prepared, prepared.manifest().shards()),
        paths(prepared, prepared.manifest().labels()),
        paths(prepared, prepared.manifest().captions()));
  }

  private static List<Path> paths(PreparedDataset prepared, List<DatasetManifest.Shard> files) {
    return files.stream().map(file -> prepared.directory().resolve(file.name())).toList();
  }
}
