package dev.atelier.local;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Asks the api all the time, whatever is away, and remembers what it should not have answered. */
final class Callers implements AutoCloseable {

  private static final Set<Integer> GOOD = Set.of(200, 503); // there, or away and said so
  private static final Duration PAUSE = Duration.ofMillis(250);
  private static final String LIVE = "/q/health/live";
  private static final String READY = "/q/health/ready";

  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final String api;
  private final List<String> paths;
  private final Thread thread = new Thread(this::callForEver, "callers");
  private final Map<Integer, Integer> answers = new TreeMap<>(); // guarded by this
  private final List<String> wrong = new ArrayList<>(); // guarded by this

  /** Asks for lists and for one experiment, from now on. */
  Callers(String api, String experiment) {
    this.api = api;
    this.paths =
        List.of(
            "/api/v1/experiments",
            "/api/v1/experiments/" + experiment,
            "/api/v1/experiments/" + experiment + "/events",
            "/api/v1/studies",
            LIVE);
    thread.setDaemon(true);
    thread.start();
  }

  private void callForEver() {
    try {
      while (true) {
        for (String path : paths) {
          call(path);
        }
        Thread.sleep(PAUSE.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void call(String path) throws InterruptedException {
    try {
      HttpResponse<String> answer = get(path);
      synchronized (this) {
        answers.merge(answer.statusCode(), 1, Integer::sum);
        boolean good =
            path.equals(LIVE)
                ? answer.statusCode() == 200 // a server that is away ends nobody
                : GOOD.contains(answer.statusCode());
        if (!good) {
          wrong.add("%s: %d %s.".formatted(path, answer.statusCode(), answer.body()));
        }
      }
    } catch (IOException e) {
      synchronized (this) {
        wrong.add("%s: %s.".formatted(path, e));
      }
    }
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(URI.create(api + path)).timeout(Duration.ofSeconds(60)).build(),
        BodyHandlers.ofString());
  }

  /** Waits until the api says that it and its servers are well; what it says if it does not. */
  void awaitHealthy(Duration within) throws IOException, InterruptedException {
    Instant end = Instant.now().plus(within);
    HttpResponse<String> ready = get(READY);
    while (ready.statusCode() != 200 && Instant.now().isBefore(end)) {
      Thread.sleep(PAUSE.toMillis());
      ready = get(READY);
    }
    if (ready.statusCode() != 200) {
      synchronized (this) {
        wrong.add("Not ready within %s: %s.".formatted(within, ready.body()));
      }
    }
  }

  /** Answers that are neither right nor say that something is away. */
  synchronized List<String> wrong() {
    return List.copyOf(wrong);
  }

  /** How often each status was answered. */
  synchronized String answers() {
    return answers.toString();
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
