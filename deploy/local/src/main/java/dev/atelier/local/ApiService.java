package dev.atelier.local;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The REST API. */
final class ApiService implements Service {

  /** Exports in Arrow's format need it. */
  static final String OPEN_BUFFERS = "--add-opens=java.base/java.nio=ALL-UNNAMED";

  private static final Duration PROBE_TIMEOUT = Duration.ofSeconds(5);

  private final ApiProgram program;
  private final Installation installation;
  private final int port;
  private final Connections connections;
  private final Optional<String> temporalWebUi;
  private final ApiAccess access;

  ApiService(
      ApiProgram program,
      Installation installation,
      int port,
      Connections connections,
      Optional<String> temporalWebUi,
      ApiAccess access) {
    this.program = program;
    this.installation = installation;
    this.port = port;
    this.connections = connections;
    this.temporalWebUi = temporalWebUi;
    this.access = access;
  }

  @Override
  public String name() {
    return "api";
  }

  @Override
  public Duration startTimeout() {
    return program.startTimeout();
  }

  @Override
  public Launch launch() {
    Map<String, String> environment = new HashMap<>(connections.environment());
    environment.put("QUARKUS_HTTP_HOST", Ports.HOST);
    environment.put("ATELIER_S3_PUBLIC_ENDPOINT", connections.s3Endpoint());
    switch (access) {
      case TOKEN -> {
        environment.put("ATELIER_AUTH_MODE", "tokens");
        environment.put("ATELIER_AUTH_BOOTSTRAP_TOKEN", connections.credentials().apiToken());
        environment.put("ATELIER_HTTP_METRICS_TOKEN", connections.credentials().apiToken());
      }
      case OPEN -> environment.put("ATELIER_AUTH_MODE", "open"); // on loopback alone
    }
    environment.put("ATELIER_LIMITS_REQUESTS_PER_SECOND", "0");
    environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
    environment.put("QUARKUS_DATASOURCE_JDBC_URL", connections.postgresUrl());
    environment.put("QUARKUS_DATASOURCE_USERNAME", connections.postgresUser());
    environment.put("QUARKUS_DATASOURCE_PASSWORD", connections.credentials().postgresPassword());
    temporalWebUi.ifPresent(ui -> environment.put("ATELIER_TEMPORAL_UI", ui));
    return new Launch(program.command(installation), environment);
  }

  @Override
  public void probe() throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newBuilder()
            .connectTimeout(PROBE_TIMEOUT)
            .build()
            .send(
                HttpRequest.newBuilder(URI.create(url() + "/q/health/ready"))
                    .timeout(PROBE_TIMEOUT)
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException("health answered %d".formatted(response.statusCode()));
    }
  }

  String url() {
    return "http://%s:%d".formatted(Ports.HOST, port);
  }
}
