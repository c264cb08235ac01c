package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.spec.DatasetSpecBuilder;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreparedPartsTest {

  private static final long TWO_IMAGES = 2 * 3 * 64;

  @TempDir Path temporary;
  private Path there; // the object store
  private Path made;
  private final List<String> fetched = new ArrayList<>();
  private final List<Integer> held = new ArrayList<>(); // shards on this machine, at each look

  @BeforeEach
  void folders() throws IOException {
    there = Files.createDirectory(temporary.resolve("store"));
    made = temporary.resolve("made");
  }

  /** An object store that is a folder. */
  private final class Store implements RemoteFiles {
    @Override
    public Path fetch(StoredObject object) throws IOException {
      throw new IOException("one object");
    }

    @Override
    public RemoteShards shards(StoredObject pattern) throws IOException {
      String name = pattern.key().substring(pattern.key().lastIndexOf('/') + 1);
      List<String> names =
          ShardNames.of(name).orElseThrow().files(there.resolve(name)).stream()
              .map(file -> file.getFileName().toString())
              .toList();
      return new RemoteShards() {
        @Override
        public List<String> names() {
          return names;
        }

        @Override
        public String content() {
          return names.toString();
        }

        @Override
        public void fetch(String shard, Path file) throws IOException {
          Files.createDirectories(file.getParent());
          Files.copy(there.resolve(shard), file);
          fetched.add(shard);
          look();
        }
      };
    }
  }

  private void look() throws IOException {
    try (Stream<Path> files = Files.walk(made)) {
      held.add((int) files.filter(file -> file.toString().endsWith(".tar")).count());
    } catch (NoSuchFileException e) {
      held.add(0);
    }
  }

  private WebDatasetFiles shard(String name) throws IOException {
    return new WebDatasetFiles(there.resolve(name));
  }

  private void captioned() throws IOException {
    try (WebDatasetFiles shard = shard("s-000.tar")) {
      shard.image("a.png", 1).text("a.txt", "one").text("notes", "none");
      shard.image("b.png", 2).text("b.txt", "two\nzwei").text("c.png", "damaged");
      shard.text("c.txt", "three");
    }
    try (WebDatasetFiles shard = shard("s-001.tar")) {
      shard.text("README", "no image");
    }
    try (WebDatasetFiles shard = shard("s-002.tar")) {
      shard.image("a.png", 4).text("a.txt", "four").image("d.png", 5);
      shard.image("e.png", 6).text("e.json", "{\"caption\": \"not read beside .txt\"}");
    }
    try (WebDatasetFiles shard = shard("s-003.tar")) {
      shard.image("a.png", 7).text("a.txt", "seven");
    }
  }

  private static DatasetSpec spec(String source, Optional<CaptionsSpec> captions) {
    return new DatasetSpec(source, "", 8, null, 3, captions.isEmpty(), null, 0.9, captions);
  }

  private static Optional<CaptionsSpec> beside() {
    return Optional.of(new CaptionsSpec(Optional.empty(), Optional.empty()));
  }

  private PreparedDataset prepare(DatasetSpec spec, Path directory) throws IOException {
    DatasetPreparation preparation =
        new DatasetPreparation(
            temporary.resolve("cache"),
            new Store(),
            sentence -> {},
            DatasetPreparation.CIFAR10_BASE,
            DatasetPreparation.CIFAR10_MD5,
            TWO_IMAGES);
    PreparedDataset prepared = preparation.prepare(spec, directory);
    // What an opener makes of it is taken.
    return PreparedCheck.read(prepared.directory(), spec, sentence -> {});
  }

  private PreparedDataset joined(DatasetSpec spec) throws IOException {
    return prepare(spec, made);
  }

  private PreparedDataset inPlace(DatasetSpec spec) throws IOException {
    String pattern = spec.source().substring(spec.source().lastIndexOf('/') + 1);
    return prepare(
        DatasetSpecBuilder.builder(spec).source(there.resolve(pattern).toString()).build(),
        Files.createTempDirectory(temporary, "out-"));
  }

  private static List<Integer> reds(PreparedDataset prepared) {
    PackedImages images = ShapesCaptionsTest.open(prepared);
    byte[] chw = new byte[3 * 64];
    List<Integer> reds = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      images.copy(i, chw, 0);
      reds.add((int) chw[0]);
    }
    return reds;
  }

  @Test
  void shouldMakeOfShardsOfTheStoreWhatReadingThemInPlaceMakes() throws IOException {
    captioned();
    DatasetSpec spec = spec("s3://bucket/some/s-{000..003}.tar", beside());
    PreparedDataset joined = joined(spec);
    assertThat(reds(joined)).containsExactly(1, 2, 4, 7);
    PackedImages images = ShapesCaptionsTest.open(joined);
    assertThat(IntStream.range(0, 4).mapToObj(images::captions))
        .containsExactly(List.of("one"), List.of("two", "zwei"), List.of("four"), List.of("seven"));
    DatasetManifest inPlace = inPlace(spec).manifest();
    assertThat(joined.manifest().sha256()).isEqualTo(inPlace.sha256());
    assertThat(joined.manifest().shards()).isEqualTo(inPlace.shards()).hasSize(2);
    assertThat(joined.manifest().passedOver()).isEqualTo(inPlace.passedOver());
    assertThat(joined.manifest().passedOver())
        .contains(
            new PassedOver(Reason.DAMAGED, 1, List.of("s-000.tar/c.png")),
            new PassedOver(Reason.NO_CAPTION, 2, List.of("s-002.tar/d.png", "s-002.tar/e.png")));
    assertThat(joined.manifest().source()).isEqualTo("s3://bucket/some/s-{000..003}.tar");
  }

  @Test
  void shouldHoldOneShardAtATimeAndNoneInTheEnd() throws IOException {
    captioned();
    var unused = joined(spec("s3://bucket/some/*.tar", beside()));
    look();
    assertThat(fetched).containsExactly("s-000.tar", "s-001.tar", "s-002.tar", "s-003.tar");
    assertThat(held).containsExactly(1, 1, 1, 1, 0);
  }

  @Test
  void shouldFetchNoMoreShardsThanImagesAreWanted() throws IOException {
    captioned();
    DatasetSpec spec =
        DatasetSpecBuilder.builder(spec("s3://bucket/s-*.tar", beside())).maxImages(4).build();
    // A damaged image counts, as it does in any other source.
    PreparedDataset joined = joined(spec);
    assertThat(reds(joined)).containsExactly(1, 2, 4);
    assertThat(fetched).containsExactly("s-000.tar", "s-001.tar", "s-002.tar");
    assertThat(joined.manifest().sha256()).isEqualTo(inPlace(spec).manifest().sha256());
  }

  @Test
  void shouldTakeTheClassesOfWebDatasetFromAllShards() throws IOException {
    try (WebDatasetFiles shard = shard("s-0.tar")) {
      shard.image("a.png", 1).text("a.cls", "10").image("b.png", 2).text("b.cls", " 9\n");
      shard.image("c.png", 3).image("d.png", 4).text("d.cls", "dog");
      shard.text("e.png", "damaged").text("e.cls", "77");
    }
    try (WebDatasetFiles shard = shard("s-1.tar")) {
      shard.image("a.png", 5).text("a.cls", "3").image("b.png", 6).text("b.cls", "010");
    }
    DatasetSpec spec = spec("s3://bucket/s-{0..1}.tar", Optional.empty());
    PreparedDataset joined = joined(spec);
    assertThat(joined.manifest().classes())
        .containsExactly(
            new DatasetManifest.ImageClass("3", 1),
            new DatasetManifest.ImageClass("9", 1),
            new DatasetManifest.ImageClass("10", 2));
    PackedImages images = ShapesCaptionsTest.open(joined);
    assertThat(reds(joined)).containsExactly(1, 2, 5, 6);
    assertThat(IntStream.range(0, 4).map(images::label)).containsExactly(2, 1, 0, 2);
    assertThat(joined.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.DAMAGED, 1, List.of("s-0.tar/e.png")),
            new PassedOver(Reason.NO_LABEL, 1, List.of("s-0.tar/c.png")),
            new PassedOver(Reason.DAMAGED_LABEL, 1, List.of("s-0.tar/d.png")));

    assertThatThrownBy(() -> inPlace(spec))
        .hasMessageContaining("expected images of each of its 4 classes, found none of '77'");
    try (WebDatasetFiles shard = shard("s-0.tar")) {
      shard.image("a.png", 1).text("a.cls", "10").image("b.png", 2).text("b.cls", "9");
    }
    assertThat(inPlace(spec).manifest().sha256()).isEqualTo(joined.manifest().sha256());
  }

  @Test
  void shouldTakeTheClassesBesideTheImagesOfAnArchiveAndOfAFolder() throws IOException {
    try (WebDatasetFiles shard = shard("one.tar")) {
      shard.image("x/a.png", 1).text("x/a.cls", "1").image("y/b.png", 2).text("y/b.cls", "0");
    }
    DatasetManifest archive = inPlace(spec("s3://bucket/one.tar", Optional.empty())).manifest();
    assertThat(archive.classes())
        .extracting(DatasetManifest.ImageClass::name)
        .as("and not by the folders")
        .containsExactly("0", "1");
    Path folder = Files.createDirectories(there.resolve("folder"));
    for (int i = 0; i < 2; i++) {
      Files.writeString(folder.resolve(i + ".cls"), "" + (1 - i));
      javax.imageio.ImageIO.write(
          new java.awt.image.BufferedImage(8, 8, java.awt.image.BufferedImage.TYPE_INT_RGB),
          "png",
          folder.resolve(i + ".png").toFile());
    }
    DatasetSpec spec = spec(folder.toString(), Optional.empty());
    PreparedDataset prepared = prepare(spec, made);
    PackedImages images = ShapesCaptionsTest.open(prepared);
    assertThat(IntStream.range(0, 2).map(images::label)).containsExactly(1, 0);
    DatasetPreparation preparation = new DatasetPreparation(temporary, new Store(), sentence -> {});
    String content = preparation.find(spec).content();
    Files.writeString(folder.resolve("0.cls"), "0");
    assertThat(preparation.find(spec).content()).as("other labels").isNotEqualTo(content);
  }

  @Test
  void shouldRefuseShardsWithoutClassesOrCaptionsBeforeTheRestIsFetched() throws IOException {
    try (WebDatasetFiles shard = shard("s-0.tar")) {
      shard.image("a.png", 1);
    }
    try (WebDatasetFiles shard = shard("s-1.tar")) {
      shard.image("a.png", 1).text("a.cls", "1").text("a.txt", "one");
    }
    assertThatThrownBy(() -> joined(spec("s3://bucket/*.tar", Optional.empty())))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("found none that can be used; without a class: 1 (s-0.tar/a.png)");
    assertThatThrownBy(() -> joined(spec("s3://bucket/*.tar", beside())))
        .hasMessageContaining("found none that can be used; without a caption: 1 (s-0.tar/a.png)");
    assertThat(fetched).containsExactly("s-0.tar", "s-0.tar");
    Files.delete(there.resolve("s-1.tar"));
    assertThatThrownBy(() -> inPlace(spec("s3://bucket/*.tar", Optional.empty())))
        .hasMessageContaining("needs a .cls with the number of its class beside each image");
  }

  @Test
  void shouldNameTheShardThatCannotBeRead() throws IOException {
    captioned();
    byte[] whole = Files.readAllBytes(there.resolve("s-002.tar"));
    Files.write(there.resolve("s-002.tar"), java.util.Arrays.copyOf(whole, 600));
    assertThatThrownBy(() -> joined(spec("s3://bucket/*.tar", beside())))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("The archive ends early")
        .hasMessageEndingWith("It was read from its shard 's-002.tar'.");
    look();
    assertThat(held).last().isEqualTo(0);
  }

  @Test
  void shouldCountWhatIsLostInAllShardsTogether() throws IOException {
    captioned();
    DatasetSpec spec =
        DatasetSpecBuilder.builder(spec("s3://bucket/*.tar", beside())).maxLostShare(0.4).build();
    assertThatThrownBy(() -> joined(spec))
        .hasMessageContaining("3 of its 7 images are lost, expected at most a share of 0.4");
    assertThat(reds(joined(DatasetSpecBuilder.builder(spec).maxLostShare(0.43).build())))
        .hasSize(4);
  }

  @Test
  void shouldRefuseCaptionsElsewhereOfShardsOfTheStore() {
    CaptionsSpec elsewhere = new CaptionsSpec(Optional.of("/captions.json"), Optional.empty());
    assertThatThrownBy(() -> joined(spec("s3://bucket/*.tar", Optional.of(elsewhere))))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("dataset.captions.source with the shards 's3://bucket/*.tar'")
        .hasMessageContaining("expected the captions in them");
    assertThat(fetched).isEmpty();
  }
}
