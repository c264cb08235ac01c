package dev.atelier.api.experiment.event;

import static dev.atelier.api.Launches.launchNamed;
import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.LocalServers;
import dev.atelier.api.experiment.ExperimentRepository;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Many who watch one experiment are one question a second to the database. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class ProgressFeedsTest {

  private static final int MANY = 100; // what one caller may have open
  private static final int SECONDS = 6;

  @TestHTTPResource URI server;
  @Inject ProgressFeeds feeds;
  @Inject ExperimentRepository repository;
  @Inject Jdbi jdbi;
  private final List<Socket> streams = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (Socket stream : streams) {
      stream.close();
    }
    for (int i = 0; i < 100 && feeds.size() > 0; i++) {
      Thread.sleep(100);
    }
    assertThat(feeds.size()).as("feeds that nobody watches").isZero();
  }

  @Test
  void shouldAskTheDatabaseOnceForAllWhoWatch() throws Exception {
    String id = launchNamed("watched by many");
    long alone = transactions(1, id);
    long many = transactions(MANY - 1, id);
    assertThat(feeds.size()).isOne();
    // Each would ask three times a second.
    assertThat(many - alone).as("of %d and %d", alone, many).isLessThan(MANY * SECONDS / 4);
  }

  @Test
  void shouldRefuseMoreStreamsThanACallerMayHave() throws Exception {
    String id = launchNamed("capped");
    for (int i = 0; i < MANY; i++) {
      open(id);
    }
    given()
        .accept("text/event-stream")
        .get("/api/v1/experiments/%s/stream".formatted(id))
        .then()
        .statusCode(429);
    streams.remove(0).close();
    int status = 429;
    for (int i = 0; i < 100 && status == 429; i++) {
      Thread.sleep(100);
      try {
        open(id);
        status = 200;
      } catch (AssertionError e) {
        status = 429; // the server has not seen yet that one is gone
      }
    }
    assertThat(status).isEqualTo(200);
  }

  @Test
  void shouldShowAllEventsToWhoComesLaterAndToWhoHasSeenSome() throws Exception {
    String id = launchNamed("late");
    ProgressFeeds.Feed first = feeds.join(id, Long.MAX_VALUE / 2); // has seen all
    ProgressFeeds.Feed second = feeds.join(id, 0);
    try {
      assertThat(second).isSameAs(first);
      assertThat(first.snapshot().events()).isEmpty();
      assertThat(first.snapshot().base()).isPositive(); // so who has seen less asks by itself
      String shown = read(id, "launched");
      assertThat(shown).contains("event:event").contains("launched");
    } finally {
      first.leave();
      second.leave();
    }
  }

  @Test
  void shouldEndWhenTheExperimentIsGone() {
    ProgressFeeds.Feed feed = feeds.join("none", 0);
    try {
      assertThat(feed.snapshot().experiment()).isEqualTo(Optional.empty());
    } finally {
      feed.leave();
    }
  }

  /** Transactions of the database while these more streams are open. */
  private long transactions(int more, String id) throws Exception {
    for (int i = 0; i < more; i++) {
      open(id);
    }
    Thread.sleep(2000);
    long before = commits();
    Thread.sleep(SECONDS * 1000L);
    return commits() - before;
  }

  private long commits() {
    return jdbi.withHandle(
        handle -> {
          handle.execute("select pg_stat_force_next_flush()");
          return handle
              .createQuery(
                  "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()")
              .mapTo(Long.class)
              .one();
        });
  }

  private Socket open(String id) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getPort());
    socket.setSoTimeout(30_000);
    socket
        .getOutputStream()
        .write(
            "GET /api/v1/experiments/%s/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                .formatted(id)
                .getBytes(StandardCharsets.US_ASCII));
    String status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
    if (!status.equals("HTTP/1.1 200")) {
      socket.close();
      throw new AssertionError(status);
    }
    streams.add(socket);
    return socket;
  }

  private String read(String id, String until) throws IOException {
    Socket socket = open(id);
    StringBuilder shown = new StringBuilder();
    while (shown.indexOf(until) < 0) {
      shown.append((char) socket.getInputStream().read());
    }
    return shown.toString();
  }
}
