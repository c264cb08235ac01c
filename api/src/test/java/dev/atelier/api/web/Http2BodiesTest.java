package dev.atelier.api.web;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.Launches;
import dev.atelier.api.WrittenLog;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.StreamResetException;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jboss.resteasy.reactive.server.vertx.VertxInputStream;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bodies that come over HTTP/2, which announces them by no header, from a client that can wait. */
@Tag("slow")
@QuarkusTest
@TestProfile(SlowClientsTest.Limits.class)
class Http2BodiesTest {

  private static final String LAUNCH = "/api/v1/experiments";
  private static final String DRY_RUN = LAUNCH + "?dryRun=true";
  private static final String WEBHOOKS = "/api/v1/webhooks";
  private static final String PAUSE = LAUNCH + "/none/pause"; // reads no body
  private static final String JSON = "application/json";
  private static final int SLOW = 250; // more than the server has threads
  private static final long CANCEL = 8;

  @TestHTTPResource URI server;
  @Inject Jdbi jdbi;
  private Vertx vertx;
  private HttpClient client;

  @BeforeEach
  void connect() {
    given().get(LAUNCH).then().statusCode(200);
    vertx = Vertx.vertx();
    client =
        vertx.createHttpClient(
            new HttpClientOptions()
                .setProtocolVersion(HttpVersion.HTTP_2)
                .setHttp2ClearTextUpgrade(false)
                .setHttp2MaxPoolSize(4) // each has its bound of streams
                .setDefaultHost("127.0.0.1")
                .setDefaultPort(server.getPort()));
  }

  @AfterEach
  void hangUp() throws Exception {
    done(client.close());
    done(vertx.close());
  }

  /** What came back, with how the server ended the stream after it: empty, if it did not. */
  private record Answer(int status, String retryAfter, String connection, String body) {}

  /** A request of which the headers are sent. */
  private final class Exchange {

    private final HttpClientRequest request;
    private final CompletableFuture<Answer> answer;
    private final CompletableFuture<Long> reset = new CompletableFuture<>(); // its code

    Exchange(String path, String contentType) throws Exception {
      RequestOptions options = new RequestOptions().setMethod(HttpMethod.POST).setURI(path);
      if (!contentType.isEmpty()) {
        options.putHeader("Content-Type", contentType);
      }
      request = done(client.request(options));
      request.setChunked(true);
      request.exceptionHandler(
          cause -> {
            if (cause instanceof StreamResetException ended) {
              reset.complete(ended.getCode());
            }
          });
      answer =
          request
              .response()
              .compose(
                  came ->
                      came.body()
                          .map(
                              body ->
                                  new Answer(
                                      came.statusCode(),
                                      String.valueOf(came.getHeader("Retry-After")),
                                      String.valueOf(came.getHeader("Connection")),
                                      body.toString())))
              .toCompletionStage()
              .toCompletableFuture();
    }

    /** Waits until the part is sent, or refused: the answer tells. */
    Exchange write(String part) throws Exception {
      request
          .write(part)
          .toCompletionStage()
          .handle((sent, refused) -> this)
          .toCompletableFuture()
          .get(60, TimeUnit.SECONDS);
      return this;
    }

    Answer end() throws Exception {
      var unused = request.end();
      return answer();
    }

    Answer answer() throws Exception {
      return answer.get(60, TimeUnit.SECONDS);
    }
  }

  private static <T> T done(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  private long experiments() {
    return jdbi.withHandle(
        handle -> handle.createQuery("select count(*) from experiment").mapTo(Long.class).one());
  }

  @Test
  void shouldAnswerOthersWhileBodiesAreSlowAndEndThemInTime() throws Exception {
    String part = "{\"name\": \"%s".formatted("slow".repeat(3000)); // more than one part
    List<Exchange> slow = new ArrayList<>();
    for (int i = 0; i < SLOW; i++) {
      slow.add(new Exchange(LAUNCH, JSON).write(part));
    }
    for (int i = 0; i < 5; i++) {
      given().get(LAUNCH).then().statusCode(200);
      assertThat(new Exchange(DRY_RUN, JSON).write("{}").end().status()).isEqualTo(200);
    }
    assertThat(threadsThatReadABody()).isEmpty();

    for (Exchange each : slow) {
      assertThat(each.answer().status()).isEqualTo(408);
      assertThat(each.answer().body()).contains("/problems/slow-body", "was not there after 15 s");
      assertThat(each.reset.get(10, TimeUnit.SECONDS)).as("what is left is not wanted").isZero();
    }
    assertThat(new Exchange(DRY_RUN, JSON).write("{}").end().status())
        .as("the connection serves on")
        .isEqualTo(200);
  }

  /** Those of RESTEasy's that wait for a part of a body, by the class that they wait in. */
  private static List<Thread> threadsThatReadABody() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(
            thread ->
                Stream.of(thread.getValue())
                    .anyMatch(at -> at.getClassName().startsWith(VertxInputStream.class.getName())))
        .map(Map.Entry::getKey)
        .toList();
  }

  @Test
  void shouldTakeABodyThatComesInTime() throws Exception {
    Exchange slow = new Exchange(DRY_RUN, JSON).write("{");
    Thread.sleep(2000);
    assertThat(slow.write("}").end().status()).isEqualTo(200);
    assertThat(slow.reset).as("control: a stream that ends by itself").isNotDone();
  }

  @ParameterizedTest
  @ValueSource(strings = {LAUNCH, WEBHOOKS, PAUSE})
  void shouldRefuseABodyWithoutAContentType(String path) throws Exception {
    long before = experiments();
    Exchange untyped = new Exchange(path, "").write("{}");
    assertThat(untyped.answer().status()).isEqualTo(415);
    assertThat(untyped.answer().body()).contains("a body without a Content-Type");
    assertThat(untyped.answer().connection()).as("HTTP/2 has no such header").isEqualTo("null");
    assertThat(untyped.reset.get(10, TimeUnit.SECONDS)).isZero();
    assertThat(experiments()).isEqualTo(before);
  }

  @Test
  void shouldLaunchWhatHasAType() throws Exception {
    long before = experiments();
    assertThat(new Exchange(LAUNCH, JSON).write("{}").end().status()).isEqualTo(202);
    assertThat(experiments()).isEqualTo(before + 1);
  }

  @Test
  void shouldTakeARequestWithoutABody() throws Exception {
    String id = Launches.launch();
    Exchange empty = new Exchange(LAUNCH + "/" + id + "/pause", "");
    done(empty.request.sendHead());
    assertThat(empty.end().status()).as("ends with an empty part").isEqualTo(202);
    Exchange none = new Exchange(LAUNCH + "/" + id + "/resume", "");
    assertThat(none.end().status()).as("ends with its headers").isEqualTo(202);
  }

  @Test
  void shouldRefuseABodyThatIsTooLarge() throws Exception {
    String blank = " ".repeat(100_000);
    Exchange large = new Exchange(PAUSE, JSON);
    for (int i = 0; i < 11; i++) { // 1.1 MB, and more would come
      var unused = large.request.write(blank);
    }
    assertThat(large.answer().status()).isEqualTo(413);
    assertThat(large.answer().body()).contains("/problems/document-too-large");
    assertThat(large.reset.get(10, TimeUnit.SECONDS)).isZero();

    Exchange fits = new Exchange(PAUSE, JSON);
    for (int i = 0; i < 9; i++) {
      fits.write(blank);
    }
    assertThat(fits.end().status()).as("control: below the limit").isEqualTo(404);

    Exchange announced = new Exchange(PAUSE, JSON);
    announced.request.putHeader("Content-Length", "1100000");
    assertThat(announced.write(blank).answer().status()).isEqualTo(413);
    assertThat(announced.answer().connection()).isEqualTo("null");
  }

  @Test
  void shouldBoundTheMemoryOfBodiesThatAreOnTheirWay() throws Exception {
    Buffer most = Buffer.buffer(" ".repeat(900_000));
    List<Exchange> held = new ArrayList<>();
    for (int i = 0; i < 35; i++) { // 31.5 MB
      Exchange each = new Exchange(WEBHOOKS, JSON);
      done(each.request.write(most));
      held.add(each);
    }
    Exchange more = new Exchange(WEBHOOKS, JSON);
    var unused = more.request.write(most); // comes after all that is held
    assertThat(more.answer().status()).isEqualTo(429);
    assertThat(more.answer().retryAfter()).isEqualTo("1");
    given().get("/q/health/live").then().statusCode(200);
    assertThat(held).noneMatch(each -> each.answer.isDone());

    held.forEach(each -> each.request.reset(CANCEL));
    int status = 429;
    for (int i = 0; i < 100 && status == 429; i++) {
      Thread.sleep(100);
      status = new Exchange(DRY_RUN, JSON).write("{}").end().status();
    }
    assertThat(status).as("once they are gone").isEqualTo(200);
  }

  @Test
  void shouldWriteNoFaultForAClientThatBreaksOffInItsBody() throws Exception {
    try (WrittenLog written = new WrittenLog(Http2Bodies.class.getName())) {
      Exchange broken = new Exchange(LAUNCH, JSON).write("{");
      assertThat(new Exchange(DRY_RUN, JSON).write("{}").end().status())
          .as("sent later, so that the other is being read")
          .isEqualTo(200);
      broken.request.reset(CANCEL);
      written.await("has gone");
      assertThat(written.shown()).isEmpty();
      assertThat(written.with("has gone")).hasSize(1);
    }
  }

  @Test
  void shouldReadABodyThatAnUpgradeToHttp2Brings() throws Exception {
    var chunked = BodyPublishers.fromPublisher(BodyPublishers.ofString("{}")); // of no length
    var request = HttpRequest.newBuilder(server.resolve(DRY_RUN)).POST(chunked);
    var untyped = upgrading().send(request.build(), BodyHandlers.ofString());
    assertThat(untyped.statusCode()).as(untyped.body()).isEqualTo(415);
    request.header("Content-Type", JSON);
    var typed = upgrading().send(request.build(), BodyHandlers.ofString());
    assertThat(typed.statusCode()).as(typed.body()).isEqualTo(200);
    assertThat(typed.version()).isEqualTo(java.net.http.HttpClient.Version.HTTP_2);
  }

  /** Java's own client asks for HTTP/2 with its first request. */
  private static java.net.http.HttpClient upgrading() {
    return java.net.http.HttpClient.newHttpClient();
  }
}
