package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Optional;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

class StatusServerTest {

  @Test
  void shouldStayAliveAndSayWhyWhenItIsNotReady() throws Exception {
    AtomicReference<Optional<String>> reason = new AtomicReference<>(Optional.empty());
    try (StatusServer server =
        new StatusServer("127.0.0.1", 0, () -> "a 1\n", Optional::empty, reason::get)) {
      assertThat(get(server, "/metrics").body()).isEqualTo("a 1\n");
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(200);
      reason.set(Optional.of("draining"));
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(503);
      assertThat(get(server, "/health/ready").body()).isEqualTo("draining\n");
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
      assertThat(get(server, "/").statusCode()).isEqualTo(404);
    }
  }

  @Test
  void shouldNotBeLiveOnceSomethingStandsStill() throws Exception {
    AtomicReference<Optional<String>> reason = new AtomicReference<>(Optional.empty());
    try (StatusServer server =
        new StatusServer("127.0.0.1", 0, () -> "", reason::get, Optional::empty)) {
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
      reason.set(Optional.of("TrainStudent stands still"));
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(503);
      assertThat(get(server, "/health/live").body()).isEqualTo("TrainStudent stands still\n");
      assertThat(get(server, "/health/ready").statusCode()).isEqualTo(200);
    }
  }

  /** Two threads that hold a lock each and want the other's. */
  static Thread holdsAndWants(
      String name, ReentrantLock held, ReentrantLock wanted, CyclicBarrier bothHoldOne) {
    return new Thread(
        () -> {
          held.lock();
          try {
            bothHoldOne.await();
            wanted.lockInterruptibly();
            wanted.unlock();
          } catch (InterruptedException | BrokenBarrierException e) {
            // the test is over
          } finally {
            held.unlock();
          }
        },
        name);
  }

  private static HttpResponse<String> get(StatusServer server, String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)).build(),
            BodyHandlers.ofString());
  }
}
