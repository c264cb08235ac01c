package dev.atelier.artifacts;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.dataset.SourceGuard;
import dev.atelier.opening.Opener;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactCacheTest {

  @Test
  void shouldFetchAgainWhenTheLocalCopyIsDamaged(@TempDir Path directory) throws Exception {
    try (S3ServerProcess server = S3ServerProcess.s3Proxy(directory)) {
      byte[] content = {1, 2, 3};
      String sha256 = Sha256.of(content);
      server.store().put("objects/a", content, "application/octet-stream");
      ArtifactCache cache = new ArtifactCache(directory.resolve("cache"), server.store());
      Path file = cache.file("objects/a", sha256);
      assertThat(file).hasBinaryContent(content);

      Files.write(file, new byte[] {1, 2, 2});
      assertThat(cache.file("objects/a", sha256)).isEqualTo(file).hasBinaryContent(content);
      Files.write(file, new byte[] {});
      assertThat(cache.file("objects/a", sha256)).hasBinaryContent(content);

      // A whole copy is used: the object itself is no longer needed.
      server.store().delete("objects/a");
      assertThat(cache.file("objects/a", sha256)).hasBinaryContent(content);
    }
  }

  @Test
  void shouldRemoveWhatWasUsedLongestAgoAndNeverWhatIsInUse(@TempDir Path directory)
      throws Exception {
    try (S3ServerProcess server = S3ServerProcess.s3Proxy(directory)) {
      ObjectStore store = server.store();
      Path folder = directory.resolve("cache");
      ArtifactCache cache = cache(folder, 3_500, store);
      ArtifactCache another = cache(folder, 3_500, store); // as of another process
      List<String> hashes = new ArrayList<>();
      for (int object = 0; object < 5; object++) {
        byte[] content = new byte[1_000];
        Arrays.fill(content, (byte) object);
        hashes.add(Sha256.of(content));
        store.put("objects/" + object, content, "application/octet-stream");
      }
      Path objects = folder.resolve("objects");

      WorkDirectory work = cache.newWorkDirectory("long-");
      Path used = cache.file("objects/0", hashes.get(0));
      for (int object : new int[] {1, 2, 1, 3}) {
        WorkDirectory ended = another.newWorkDirectory("short-");
        another.file("objects/" + object, hashes.get(object));
        ended.close();
      }
      assertThat(used).hasSize(1_000);
      assertThat(names(objects))
          .containsExactlyInAnyOrder(hashes.get(0), hashes.get(1), hashes.get(3));

      work.close();
      assertThat(used).doesNotExist();
      WorkDirectory next = cache.newWorkDirectory("next-");
      cache.file("objects/4", hashes.get(4));
      assertThat(names(objects))
          .containsExactlyInAnyOrder(hashes.get(1), hashes.get(3), hashes.get(4));
      store.delete("objects/3");
      assertThat(cache.file("objects/3", hashes.get(3))).as("from the cache").hasSize(1_000);
      next.close();
    }
  }

  @Test
  void shouldKeepAFileForWorkThatBeganBeforeItWasAskedFor(@TempDir Path directory)
      throws Exception {
    try (S3ServerProcess server = S3ServerProcess.s3Proxy(directory)) {
      byte[] content = {1, 2, 3};
      server.store().put("objects/a", content, "application/octet-stream");
      ArtifactCache cache = cache(directory.resolve("cache"), 1, server.store());
      WorkDirectory first = cache.newWorkDirectory("first-");
      WorkDirectory second = cache.newWorkDirectory("second-");
      Path file = cache.file("objects/a", Sha256.of(content));
      first.close();
      assertThat(file).hasBinaryContent(content);

      WorkDirectory third = cache.newWorkDirectory("third-");
      second.close();
      assertThat(file).as("the third has never asked for it").doesNotExist();
      assertThat(cache.file("objects/a", Sha256.of(content))).hasBinaryContent(content);
      third.close();
    }
  }

  private static ArtifactCache cache(Path folder, long mostBytes, ObjectStore store) {
    return new ArtifactCache(
        folder, OptionalLong.of(mostBytes), store, SourceGuard.OPEN, Opener.HERE);
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Test
  void shouldRemoveTheWorkOfAKilledProcessAndOfNoOther(@TempDir Path directory) throws Exception {
    ObjectStore unused = new ObjectStore("http://127.0.0.1:1", "user", "password", "bucket");
    Path killed = Files.createDirectories(directory.resolve("work/worker-killed/student-1-7"));
    Files.writeString(killed.resolve("weights.safetensors"), "half");

    ArtifactCache cache = new ArtifactCache(directory, unused);
    assertThat(directory.resolve("work/worker-killed")).doesNotExist();
    try (WorkDirectory work = cache.newWorkDirectory("student-1-")) {
      ArtifactCache another = new ArtifactCache(directory, unused);
      assertThat(work.path()).exists();
      try (WorkDirectory others = another.newWorkDirectory("student-2-")) {
        assertThat(others.path().getParent()).isNotEqualTo(work.path().getParent());
      }
    }
  }
}
