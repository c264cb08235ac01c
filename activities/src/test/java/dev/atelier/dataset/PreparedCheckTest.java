package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreparedCheckTest {

  private static final DatasetSpec SPEC =
      new DatasetSpec("shapes?count=60", "", 8, null, null, true);

  @TempDir Path temporary;
  private Path directory;

  @BeforeEach
  void prepare() {
    directory = temporary.resolve("made");
    new DatasetPreparation(temporary, object -> temporary, sentence -> {}).prepare(SPEC, directory);
  }

  @Test
  void shouldTakeWhatIsTrueToItself() throws IOException {
    PreparedDataset dataset = read();
    assertThat(dataset.manifest())
        .isEqualTo(DatasetManifest.read(Files.readAllBytes(directory.resolve("manifest.json"))));
    assertThat(dataset.directory()).isEqualTo(directory);
  }

  @Test
  void shouldRefuseALinkToAnythingElse() throws IOException {
    Path shard = directory.resolve("images-00000.u8");
    Path elsewhere = Files.move(shard, temporary.resolve("elsewhere"));
    Files.createSymbolicLink(shard, elsewhere);
    assertRefused("'images-00000.u8' is no file");
    Files.delete(shard);
    Files.move(elsewhere, shard);
    assertThat(read().manifest().images()).isEqualTo(60); // the same file, no link
    Path other = Files.move(directory, temporary.resolve("other"));
    Files.createSymbolicLink(directory, other);
    assertRefused("there is no folder of it");
  }

  @Test
  void shouldRefuseFilesThatAreNotTheManifests() throws IOException {
    for (String name : new String[] {"images-00000.u8", "labels.u16"}) {
      byte[] whole = Files.readAllBytes(directory.resolve(name));
      byte[] other = whole.clone();
      other[0] ^= 2;
      Files.write(directory.resolve(name), other);
      assertThatThrownBy(this::read).isInstanceOf(IOException.class);
      Files.write(directory.resolve(name), new byte[whole.length - 1]);
      assertThatThrownBy(this::read)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("expected %d bytes".formatted(whole.length));
      Files.write(directory.resolve(name), whole);
    }
    Files.write(directory.resolve("images-00000.u8"), new byte[60 * 3 * 64]);
    assertRefused("the hash of a shard");
  }

  @Test
  void shouldRefuseAManifestThatSaysWhatIsNotSo() throws IOException {
    DatasetManifest manifest = read().manifest();
    String shard = manifest.shards().get(0).sha256();
    assertRefusedWith(json -> json.replace(manifest.sha256(), "0".repeat(64)), "its hash");
    assertRefusedWith(json -> json.replace(shard, "0".repeat(64)), "the hash of a shard");
    assertRefusedWith(json -> json.replace("images-00000.u8", "../x"), "a shard's name");
    assertRefusedWith(
        json -> json.replace("labels.u16", "manifest.json"), "the name of its labels");
    assertRefusedWith(json -> json.replace("shapes?", "other?"), "it is not of this spec");
    assertRefusedWith(
        json -> json.replaceFirst("(?s)(\"name\" : \"circle\",\\s+\"images\" : )\\d+", "$160"),
        "the number of a class's images");
    assertRefusedWith(json -> "{}", "expected format version 1");
    assertRefusedWith(json -> json + " ".repeat(64 << 20), "its manifest has more than 64 MB");
  }

  @Test
  void shouldRefuseAnotherSpec() {
    for (DatasetSpec other :
        new DatasetSpec[] {
          new DatasetSpec(SPEC.source(), "", 16, null, null, true),
          new DatasetSpec(SPEC.source(), "", 8, 59, null, true),
          new DatasetSpec(SPEC.source(), "", 8, null, 1, true),
          new DatasetSpec(SPEC.source(), "", 8, null, null, false)
        }) {
      assertThatThrownBy(() -> PreparedCheck.read(directory, other, sentence -> {}))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("it is not of this spec");
    }
  }

  @Test
  void shouldRefuseCaptionsThatAreNotTheManifests() throws IOException {
    DatasetSpec spec =
        new DatasetSpec(
            SPEC.source(),
            "",
            8,
            null,
            null,
            false,
            null,
            null,
            Optional.of(new CaptionsSpec(Optional.empty(), Optional.empty())));
    Path made = temporary.resolve("captioned");
    new DatasetPreparation(temporary, object -> temporary, sentence -> {}).prepare(spec, made);
    assertThat(PreparedCheck.read(made, spec, sentence -> {}).manifest().captionCount())
        .isEqualTo(180);

    Path file = made.resolve("captions.jsonl");
    String whole = Files.readString(file);
    String line = whole.substring(0, whole.indexOf('\n') + 1);
    Map<String, String> changes = new LinkedHashMap<>();
    changes.put(whole.replaceFirst("a ", "o "), "the hash of its captions");
    changes.put(whole.replaceFirst("\\[", "{"), "captions of image 0");
    changes.put(
        whole.replaceFirst(".*", "[" + " ".repeat(line.length() - 3) + "]"), "1 to 64 captions");
    changes.put(
        whole.replaceFirst(".*", "\"" + "a".repeat(line.length() - 3) + "\""), "captions of");
    changes.put(
        whole.replaceFirst(".*", "[\"" + " ".repeat(line.length() - 5) + "\"]"), "that is empty");
    changes.put(
        whole.replaceFirst("\n", " "), "a line of captions for each of 60 images, found 59");
    changes.put(whole + "x", "expected %d bytes".formatted(whole.length()));
    for (Map.Entry<String, String> change : changes.entrySet()) {
      Files.writeString(file, change.getKey());
      assertThatThrownBy(() -> PreparedCheck.read(made, spec, sentence -> {}))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(change.getValue());
    }
    Files.writeString(file, whole);
    assertThatThrownBy(() -> PreparedCheck.read(made, SPEC, sentence -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("it is not of this spec");
  }

  private PreparedDataset read() throws IOException {
    return PreparedCheck.read(directory, SPEC, sentence -> {});
  }

  private void assertRefused(String reason) {
    assertThatThrownBy(this::read).isInstanceOf(IOException.class).hasMessageContaining(reason);
  }

  private void assertRefusedWith(UnaryOperator<String> change, String reason) throws IOException {
    Path file = directory.resolve("manifest.json");
    String before = Files.readString(file);
    String changed = change.apply(before);
    assertThat(changed).isNotEqualTo(before);
    Files.writeString(file, changed);
    assertRefused(reason);
    Files.writeString(file, before);
  }
}
