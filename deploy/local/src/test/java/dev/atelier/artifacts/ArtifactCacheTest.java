package dev.atelier.artifacts;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.ObjectStore;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.Sha256;
import java.nio.file.Files;
import java.nio.file.Path;
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
