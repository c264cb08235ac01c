package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.opening.Opening;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardNamesTest {

  @TempDir Path temporary;

  @Test
  void shouldNameFilesAsWebDatasetDoes() {
    List<String> there = List.of("b-001.tar", "a-000.tar", "a-001.tar", "a-002.tar", "a-1.tar.gz");
    assertThat(among("a-{000..001}.tar", there)).containsExactly("a-000.tar", "a-001.tar");
    assertThat(among("{a,b}-001.tar", there)).containsExactly("a-001.tar", "b-001.tar");
    assertThat(among("*.tar", there))
        .containsExactly("a-000.tar", "a-001.tar", "a-002.tar", "b-001.tar");
    assertThat(among("{b,a}-??{1..2}.tar", there))
        .containsExactly("a-001.tar", "a-002.tar", "b-001.tar");
    assertThat(ShardNames.of("a-001.tar")).isEmpty();
    assertThatThrownBy(() -> among("a-{000..003}.tar", there))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("names 4 files, of which 'a-003.tar' is not there");
    assertThatThrownBy(() -> among("c*", there)).hasMessageContaining("There is no file 'c*'");
    assertThatThrownBy(() -> ShardNames.of("{000..999999999}"))
        .hasMessageContaining("at most 100000 files");
    assertThatThrownBy(() -> ShardNames.of("{00..99}{00..99}{00..99}"))
        .hasMessageContaining("names more than 100000 files");
    assertThatThrownBy(() -> ShardNames.of("{3..1}")).hasMessageContaining("is no range");
  }

  private static List<String> among(String pattern, List<String> there) {
    return ShardNames.of(pattern).orElseThrow().among(there);
  }

  @Test
  void shouldReadAPatternOfTheStore() {
    assertThat(SourceLocation.parse("s3://bucket/cc3m/{00000..00331}.tar"))
        .isEqualTo(new SourceLocation.StoredObject("bucket", "cc3m/{00000..00331}.tar"));
    assertThatThrownBy(() -> SourceLocation.parse("s3://{a,b}/x.tar"))
        .hasMessageContaining("needs a bucket of 3 to 63 small letters");
  }

  @Test
  void shouldReadShardsInOrderWithTheirCaptions() throws IOException {
    Path shards = shards();
    DatasetSpec spec = spec(shards.resolve("{000..001}.tar"));
    PreparedDataset prepared = preparation().prepare(spec, temporary.resolve("out"));
    PackedImages images = ShapesCaptionsTest.open(prepared);
    assertThat(IntStream.range(0, images.count()).mapToObj(images::captions))
        .containsExactly(
            List.of("shard 0, first"),
            List.of("shard 0, second", "zwei"),
            List.of("shard 1, first"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.NO_CAPTION, 1, List.of("001.tar/c.png")),
            new PassedOver(Reason.NO_IMAGE, 1, List.of("000.tar/a.cls")));

    // Another shard is another content, and so is one that is missing.
    String content = preparation().find(spec).content();
    assertThat(preparation().find(spec(shards.resolve("*.tar"))).content()).isEqualTo(content);
    Files.delete(shards.resolve("001.tar"));
    assertThat(preparation().find(spec(shards.resolve("*.tar"))).content()).isNotEqualTo(content);
    assertThatThrownBy(() -> preparation().find(spec).content())
        .hasMessageContaining("of which '001.tar' is not there");
  }

  @Test
  void shouldSendAnOpenerElsewhereEachShardAndTheCaptions() throws IOException {
    Path captions = Files.writeString(temporary.resolve("captions.json"), "{}");
    Path pattern = shards().resolve("*.tar");
    Opening.Dataset opening =
        new Opening.Dataset(
            pattern,
            spec(pattern),
            SourcePolicy.OPEN,
            ArchiveLimits.DEFAULTS,
            Optional.of(captions),
            Extent.WHOLE);
    List<String> sent = new ArrayList<>();
    opening.forEachFile((name, bytes, content) -> sent.add(name));
    assertThat(sent).containsExactly(".captions/captions.json", "000.tar", "001.tar");
    Opening.Dataset there = (Opening.Dataset) opening.at(Path.of("*.tar")).at(Path.of("/x/*.tar"));
    assertThat(there.captions()).hasValue(Path.of("/x/.captions/captions.json"));
  }

  @Test
  void shouldFollowNoLinkOfAShardOutOfTheDirectories() throws IOException {
    Path shards = shards();
    Path elsewhere = Files.createDirectory(temporary.resolve("elsewhere"));
    Files.move(shards.resolve("001.tar"), elsewhere.resolve("001.tar"));
    Files.createSymbolicLink(shards.resolve("001.tar"), elsewhere.resolve("001.tar"));
    SourcePolicy policy =
        new SourcePolicy(Optional.empty(), false, List.of(shards.toString()), Optional.empty(), "");
    DatasetPreparation guarded =
        new DatasetPreparation(
            temporary,
            object -> temporary,
            text -> {},
            new SourceGuard(policy, ArchiveLimits.DEFAULTS));
    DatasetSpec spec = spec(shards.resolve("*.tar"));
    assertThatThrownBy(() -> guarded.find(spec).content())
        .hasMessageContaining("is below no directory");
    assertThatThrownBy(() -> guarded.prepare(spec, temporary.resolve("out")))
        .hasMessageContaining("is below no directory");
    assertThat(preparation().prepare(spec, temporary.resolve("out")).manifest().images())
        .isEqualTo(3);
  }

  private Path shards() throws IOException {
    Path folder = Files.createDirectory(temporary.resolve("shards"));
    try (WebDatasetFiles tar = new WebDatasetFiles(folder.resolve("000.tar"))) {
      tar.image("a.png", 0);
      tar.text("a.txt", "shard 0, first");
      tar.text("a.cls", "3");
      tar.text("b.txt", "shard 0, second\nzwei");
      tar.image("b.png", 0);
    }
    try (WebDatasetFiles tar = new WebDatasetFiles(folder.resolve("001.tar"))) {
      tar.image("a.png", 0); // the same key as in the shard before
      tar.text("a.txt", "shard 1, first");
      tar.image("c.png", 0);
    }
    return folder;
  }

  private static DatasetSpec spec(Path source) {
    return new DatasetSpec(
        source.toString(),
        "",
        8,
        null,
        3,
        false,
        null,
        0.5,
        Optional.of(new CaptionsSpec(Optional.empty(), Optional.empty())));
  }

  private DatasetPreparation preparation() {
    return new DatasetPreparation(temporary, object -> temporary, sentence -> {});
  }
}
