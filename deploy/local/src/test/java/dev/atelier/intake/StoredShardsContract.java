package dev.atelier.intake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.RemoteFiles;
import dev.atelier.dataset.RemoteShards;
import dev.atelier.dataset.ShardBytes;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.opening.Opener;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards of a WebDataset in a bucket, whatever S3 server has it. */
abstract class StoredShardsContract {

  private static final int SHARDS = 4;

  @TempDir Path temporary;

  abstract ObjectStore store();

  @BeforeEach
  void putShards() throws IOException {
    store().list("").forEach(store()::delete);
    for (int i = 0; i < SHARDS; i++) {
      put("cc3m/%04d.tar".formatted(i), shard(i));
    }
    put("cc3m/0000.json", "{}".getBytes(StandardCharsets.UTF_8));
    put("cc3m/deeper/0004.tar", shard(99));
  }

  private void put(String key, byte[] bytes) {
    store().put(key, bytes, "application/octet-stream");
  }

  /** Two images of classes of their own. */
  private static byte[] shard(int number) throws IOException {
    try (ShardBytes shard = new ShardBytes()) {
      for (int i = 0; i < 2; i++) {
        shard.image(i + ".png", 2 * number + i).text(i + ".cls", Integer.toString(i));
      }
      return shard.written();
    }
  }

  private RemoteSources sources(List<String> buckets) {
    return new RemoteSources(
        store(),
        new ArtifactCache(
            temporary.resolve("cache"),
            OptionalLong.empty(),
            store(),
            guard(buckets),
            Opener.HERE));
  }

  private static SourceGuard guard(List<String> buckets) {
    return new SourceGuard(
        new SourcePolicy(
            Optional.empty(), false, List.of(), Optional.of(buckets), "the-platforms-own"),
        ArchiveLimits.DEFAULTS);
  }

  private DatasetPreparation.Source find(String source) {
    return find(source, sources(List.of(S3ServerProcess.BUCKET)), List.of(S3ServerProcess.BUCKET));
  }

  private DatasetPreparation.Source find(String source, RemoteFiles files, List<String> buckets) {
    return new DatasetPreparation(temporary.resolve("cache"), files, sentence -> {}, guard(buckets))
        .find(new DatasetSpec("s3://" + source, "", 8, null, 3, true));
  }

  @Test
  void shouldReadTheShardsThatAPatternNamesAndKeepNoneOfThem() throws IOException {
    for (String pattern : List.of("{0000..0003}.tar", "*.tar")) {
      Path made = temporary.resolve("made-" + pattern.length());
      DatasetManifest manifest = find("contract/cc3m/" + pattern).prepare(made).manifest();
      assertThat(manifest.images()).as(pattern).isEqualTo(2 * SHARDS);
      assertThat(manifest.classes())
          .containsExactly(
              new DatasetManifest.ImageClass("0", SHARDS),
              new DatasetManifest.ImageClass("1", SHARDS));
      try (Stream<Path> left = Files.walk(temporary)) {
        assertThat(left.filter(file -> file.toString().contains(".tar"))).isEmpty();
      }
    }
    assertThat(
            find("contract/cc3m/{0000..0001}.tar")
                .prepare(temporary.resolve("two"))
                .manifest()
                .images())
        .isEqualTo(4);
  }

  @Test
  void shouldFetchEachShardWhenItIsReadAndNotBefore() throws IOException {
    RemoteSources real = sources(List.of(S3ServerProcess.BUCKET));
    Path made = temporary.resolve("made");
    List<Long> held = new ArrayList<>();
    RemoteFiles watched =
        new RemoteFiles() {
          @Override
          public Path fetch(StoredObject object) throws IOException {
            return real.fetch(object);
          }

          @Override
          public RemoteShards shards(StoredObject pattern) throws IOException {
            RemoteShards shards = real.shards(pattern);
            return new RemoteShards() {
              @Override
              public List<String> names() {
                return shards.names();
              }

              @Override
              public String content() {
                return shards.content();
              }

              @Override
              public void fetch(String name, Path file) throws IOException {
                shards.fetch(name, file);
                try (Stream<Path> files = Files.walk(temporary)) {
                  held.add(files.filter(one -> one.toString().endsWith(".tar")).count());
                }
              }
            };
          }
        };
    var unused =
        find("contract/cc3m/*.tar", watched, List.of(S3ServerProcess.BUCKET)).prepare(made);
    assertThat(held).containsExactly(1L, 1L, 1L, 1L);
  }

  @Test
  void shouldTellOtherShardsApartWithoutFetchingThem() throws IOException {
    String content = find("contract/cc3m/*.tar").content();
    assertThat(find("contract/cc3m/{0000..0003}.tar").content()).isEqualTo(content);
    assertThat(find("contract/cc3m/{0000..0002}.tar").content()).isNotEqualTo(content);
    put("cc3m/0002.tar", shard(7));
    assertThat(find("contract/cc3m/*.tar").content()).isNotEqualTo(content);
  }

  @Test
  void shouldRefuseAShardThatChangedSinceItWasListed() throws IOException {
    DatasetPreparation.Source source = find("contract/cc3m/*.tar");
    put("cc3m/0003.tar", shard(7));
    assertThatThrownBy(() -> source.prepare(temporary.resolve("made")))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("object 'cc3m/0003.tar': it changed after it was listed")
        .hasMessageEndingWith("It was read from its shard '0003.tar'.");
    store().delete("cc3m/0003.tar");
    assertThatThrownBy(() -> source.prepare(temporary.resolve("made")))
        .hasMessageContaining("object 'cc3m/0003.tar': it does not exist");
  }

  @Test
  void shouldNameShardsAndBucketsThatAreNotThere() {
    assertThatThrownBy(() -> find("contract/cc3m/{0000..0009}.tar"))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("names 10 files, of which '0004.tar' is not there");
    assertThatThrownBy(() -> find("contract/none/*.tar"))
        .hasMessageContaining("There is no file '*.tar'");
    List<String> all = List.of("*");
    assertThatThrownBy(() -> find("nowhere/cc3m/*.tar", sources(all), all))
        .hasMessageContaining("there is no bucket 'nowhere'");
    List<String> others = List.of("others");
    assertThatThrownBy(() -> find("contract/cc3m/*.tar", sources(others), others))
        .hasMessageContaining("names the bucket 'contract'")
        .hasMessageContaining("(atelier.sources.buckets)");
  }
}
