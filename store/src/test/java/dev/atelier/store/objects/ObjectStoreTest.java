package dev.atelier.store.objects;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ObjectStoreTest {

  @Test
  void shouldSayThatTheStoreIsUnavailableWhenNothingListens(@TempDir Path directory)
      throws IOException {
    ObjectStore away = new ObjectStore("http://127.0.0.1:" + unusedPort(), "a", "b", "bucket");
    List<ThrowingCallable> calls =
        List.of(
            away::ensureBucket,
            away::hasBucket,
            () -> away.open("key"),
            () -> away.list("prefix", object -> {}),
            () -> away.listAfter("key", object -> true),
            () -> away.listForeign("other", "prefix", 1),
            () -> away.fetchForeign("other", "key", directory.resolve("file"), 1),
            () -> away.put("key", new byte[1], "text/plain"),
            () -> away.get("key"),
            () -> away.fetch("key", "sha256", directory.resolve("file")),
            () -> away.exists("key"),
            () -> away.list("prefix"),
            () -> away.delete("key"));
    for (ThrowingCallable call : calls) {
      assertThatThrownBy(call).isInstanceOf(StoreUnavailableException.class);
    }
  }

  private static int unusedPort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
