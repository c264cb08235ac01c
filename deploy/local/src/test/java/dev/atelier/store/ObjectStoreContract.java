package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Atelier asks of an S3 server; each server that it runs on must pass. */
abstract class ObjectStoreContract {

  @TempDir Path directory;

  /** An existing bucket of the server under test. */
  abstract ObjectStore store();

  @Test
  void shouldGiveBackWhatWasPutAndNothingForAbsentKeys() {
    store().put("contract/a.txt", bytes("first"), "text/plain");
    store().put("contract/a.txt", bytes("second"), "text/plain");
    assertThat(store().get("contract/a.txt")).hasValue(bytes("second"));
    assertThat(store().exists("contract/a.txt")).isTrue();
    assertThat(store().get("contract/absent")).isEmpty();
    assertThat(store().exists("contract/absent")).isFalse();
  }

  @Test
  void shouldCarryFilesOfSeveralPartsUnchanged() throws IOException {
    Path file = directory.resolve("large");
    byte[] content = new byte[12 << 20]; // more than one part of a multipart upload
    new Random(1).nextBytes(content);
    Files.write(file, content);
    store().put("contract/large", file, "application/octet-stream");

    Path copy = directory.resolve("copies/large");
    store().fetch("contract/large", Sha256.of(file), copy);
    assertThat(copy).hasSameBinaryContentAs(file);
  }

  @Test
  void shouldRefuseContentThatIsNotWhatWasWrittenAndLeaveNoFile() {
    store().put("contract/b", bytes("content"), "text/plain");
    Path copy = directory.resolve("b");
    String other = Sha256.of(bytes("other"));
    assertThatThrownBy(() -> store().fetch("contract/b", other, copy))
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("'contract/b'")
        .hasMessageContaining("expected sha256 " + other);
    assertThat(directory).isEmptyDirectory();

    assertThatThrownBy(() -> store().fetch("contract/absent", other, copy))
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void shouldListBelowPrefixAndDelete() {
    store().put("listing/1/x", bytes("x"), "text/plain");
    store().put("listing/2/y z", bytes("y"), "text/plain");
    store().put("other/z", bytes("z"), "text/plain");
    assertThat(store().list("listing/")).containsExactlyInAnyOrder("listing/1/x", "listing/2/y z");
    store().delete("listing/1/x");
    assertThat(store().list("listing/")).containsExactly("listing/2/y z");
  }

  @Test
  void shouldListAnyBucketWithSizesAndNoMoreThanAsked() {
    store().put("foreign/1/x", bytes("xyz"), "text/plain");
    store().put("foreign/2/y z", bytes("y"), "text/plain");
    assertThat(store().listForeign(S3ServerProcess.BUCKET, "foreign/", 2))
        .extracting(ObjectStore.Listed::key, ObjectStore.Listed::bytes)
        .containsExactlyInAnyOrder(tuple("foreign/1/x", 3L), tuple("foreign/2/y z", 1L));
    assertThat(store().listForeign(S3ServerProcess.BUCKET, "foreign/none/", 2)).isEmpty();
    assertThatThrownBy(() -> store().listForeign(S3ServerProcess.BUCKET, "foreign/", 1))
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("there are more than 1");
    assertThatThrownBy(() -> store().listForeign("no-such-bucket", "foreign/", 1))
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("no bucket 'no-such-bucket'");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
