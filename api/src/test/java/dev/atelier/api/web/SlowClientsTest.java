package dev.atelier.api.web;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.LocalServers;
import dev.atelier.api.WrittenLog;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.vertx.ext.web.Router;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Clients that hold what they have, and what others see of it. */
@Tag("slow")
@QuarkusTest
@TestProfile(SlowClientsTest.Limits.class)
class SlowClientsTest {

  private static final int SLOW = 250;
  private static final int CONNECTIONS = 300;
  private static final int BODY_SECONDS = 15;
  private static final Duration SOON = Duration.ofSeconds(10); // before any body's time is over

  /** Few connections and little time, so that the test sees both. */
  public static class Limits implements QuarkusTestProfile {

    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of(
          "atelier.limits.connections",
          Integer.toString(CONNECTIONS),
          "atelier.limits.body-time",
          BODY_SECONDS + "s",
          "atelier.limits.streams",
          "40");
    }

    @Override
    public List<TestResourceEntry> testResources() {
      return List.of(new TestResourceEntry(LocalServers.class));
    }

    @Override
    public boolean disableGlobalTestResources() {
      return true;
    }
  }

  @TestHTTPResource URI server;
  private final List<Socket> sockets = new ArrayList<>();

  @BeforeEach
  void warmUp() {
    given().get("/api/v1/experiments").then().statusCode(200);
  }

  @AfterEach
  void hangUp() throws IOException {
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @Test
  void shouldAnswerOthersWhileBodiesAreSlowAndEndThemInTime() throws Exception {
    Instant start = Instant.now();
    for (int i = 0; i < SLOW; i++) {
      send(
          "POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{\"name\": \"slow");
    }
    Instant asked = Instant.now();
    for (int i = 0; i < 5; i++) {
      given().get("/api/v1/experiments").then().statusCode(200);
      given()
          .contentType("application/json")
          .body("{}")
          .post("/api/v1/experiments?dryRun=true")
          .then()
          .statusCode(200);
    }
    assertThat(Duration.between(asked, Instant.now())).isLessThan(SOON);

    for (Socket socket : sockets) {
      socket.setSoTimeout(30_000);
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 408").contains("/problems/slow-body");
    }
    assertThat(Duration.between(start, Instant.now()))
        .isBetween(Duration.ofSeconds(BODY_SECONDS - 1), Duration.ofSeconds(BODY_SECONDS + 30));
  }

  @Test
  void shouldBoundTheMemoryOfBodiesThatAreOnTheirWay() throws Exception {
    for (int i = 0; i < 50; i++) { // 45 MB
      send(
          "POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{");
    }
    given().get("/q/health/live").then().statusCode(200);
    int refused = 0;
    for (Socket socket : sockets) {
      socket.setSoTimeout(100);
      try {
        String status =
            new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
        assertThat(status).isEqualTo("HTTP/1.1 429");
        refused++;
      } catch (SocketTimeoutException e) {
        // it is read
      }
    }
    assertThat(refused).isEqualTo(15); // 32 MB are 35 of them

    hangUp();
    int status = 429;
    for (int i = 0; i < 100 && status == 429; i++) {
      Thread.sleep(100);
      status =
          given()
              .contentType("application/json")
              .body("{}")
              .post("/api/v1/experiments?dryRun=true")
              .statusCode();
    }
    assertThat(status).as("once they are gone").isEqualTo(200);
  }

  @Test
  void shouldTakeABodyThatComesInTime() throws Exception {
    Socket socket =
        send(
            "POST /api/v1/experiments?dryRun=true HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{");
    Thread.sleep(2000);
    socket.getOutputStream().write('}');
    String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(answer).startsWith("HTTP/1.1 200");
  }

  /** A process without a processor for seconds is not the client's fault. */
  @Test
  void shouldTakeABodyThatCameInTimeAndIsReadLate() throws Exception {
    try (WrittenLog written = new WrittenLog("dev.atelier.api")) {
      Socket socket =
          send(
              "POST /api/v1/experiments?dryRun=true HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  + StandStill.HEADER
                  + ": %d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
                      .formatted(BODY_SECONDS + 1));
      Thread.sleep(500); // a part of its own, so that it is not read with the headers
      socket.getOutputStream().write("{}".getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.1 200");
      assertThat(written.with("already been written")).isEmpty();
    }
  }

  /** What is done with a body takes the time that it needs, and the request is paused meanwhile. */
  @Test
  void shouldNotCallABodyLateThatIsHandledForLong() throws Exception {
    Socket socket =
        send(
            "POST /api/v1/experiments?dryRun=true HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + StandStill.PAUSE
                + ": %d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                    .formatted(BODY_SECONDS + 1));
    String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(answer).startsWith("HTTP/1.1 200");
  }

  /** Holds the thread that reads, once the time of a body runs, or the request once it is read. */
  @ApplicationScoped
  static class StandStill {
    static final String HEADER = "Stand-Still-Seconds";
    static final String PAUSE = "Pause-Seconds";

    void install(@Observes Router router) {
      router
          .route()
          .order(SlowClients.FIRST + 1)
          .handler(
              call -> {
                String seconds = call.request().getHeader(HEADER);
                if (seconds != null) {
                  stand(Long.parseLong(seconds));
                }
                call.next();
              });
      router
          .route()
          .order(SlowClients.WHOLE + 1)
          .handler(
              call -> {
                String seconds = call.request().getHeader(PAUSE);
                if (seconds == null) {
                  call.next();
                  return;
                }
                call.request().pause();
                call.vertx()
                    .setTimer(
                        Duration.ofSeconds(Long.parseLong(seconds)).toMillis(),
                        over -> {
                          call.request().resume();
                          call.next();
                        });
              });
    }

    private static void stand(long seconds) {
      try {
        Thread.sleep(Duration.ofSeconds(seconds).toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Test
  void shouldWriteNoFaultForAClientThatBreaksOffInItsBody() throws Exception {
    try (WrittenLog written = new WrittenLog(SlowClients.class.getName())) {
      send(
          "POST /api/v1/experiments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
      given().get("/q/health/live").then().statusCode(200);
      hangUp();
      written.await("has gone");
      assertThat(written.shown()).isEmpty();
      assertThat(written.with("has gone")).hasSize(1);
    }
  }

  @Test
  void shouldBoundTheConnectionsOfAnAddress() throws Exception {
    int served = 0;
    int refused = 0;
    for (int i = 0; i < CONNECTIONS + 20; i++) {
      Socket socket = send("GET /q/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
      socket.setSoTimeout(30_000);
      byte[] line = socket.getInputStream().readNBytes(12);
      String status = new String(line, StandardCharsets.US_ASCII);
      if (status.endsWith("200")) {
        served++;
      } else {
        assertThat(status).isEqualTo("HTTP/1.1 429");
        refused++;
      }
    }
    assertThat(refused).isBetween(20, 60); // clients of other tests have some, too
    assertThat(served).isLessThanOrEqualTo(CONNECTIONS);

    hangUp(); // and the others are served again
    Instant end = Instant.now().plusSeconds(30);
    while (!RawRequest.get("/q/health/live").send(server.getPort()).head().contains(" 200 ")
        && Instant.now().isBefore(end)) {
      Thread.sleep(100);
    }
    assertThat(RawRequest.get("/q/health/live").send(server.getPort()).status()).isEqualTo(200);
  }

  private Socket send(String request) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getPort());
    sockets.add(socket);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    return socket;
  }
}
