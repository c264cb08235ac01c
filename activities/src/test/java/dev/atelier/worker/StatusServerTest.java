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
    try (StatusServer server = new StatusServer("127.0.0.1", 0, () -> "a 1\n", reason::get)) {
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
  void shouldNotBeLiveOnceItsOwnThreadsWaitForEachOther() throws Exception {
    ReentrantLock left = new ReentrantLock();
    ReentrantLock right = new ReentrantLock();
    CyclicBarrier bothHoldOne = new CyclicBarrier(2);
    Thread one = holdsAndWants("stuck-1", left, right, bothHoldOne);
    Thread two = holdsAndWants("stuck-2", right, left, bothHoldOne);
    try (StatusServer server = new StatusServer("127.0.0.1", 0, () -> "", Optional::empty)) {
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
      one.start();
      two.start();
      while (!left.hasQueuedThread(two) || !right.hasQueuedThread(one)) {
        Thread.onSpinWait();
      }
      HttpResponse<String> answer = get(server, "/health/live");
      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body()).contains("deadlock", "stuck-1", "stuck-2");

      one.interrupt();
      two.interrupt();
      one.join();
      two.join();
      assertThat(get(server, "/health/live").statusCode()).isEqualTo(200);
    }
  }

  private static Thread holdsAndWants(
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
