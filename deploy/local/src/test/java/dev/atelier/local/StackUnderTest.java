package dev.atelier.local;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/** The local stack of a test, on free ports, and what another api needs to serve beside it. */
final class StackUnderTest {

  static final Path ROOT =
      Path.of(System.getProperty("atelier.home", "../..")).toAbsolutePath().normalize();

  private StackUnderTest() {}

  /** Two workers of one thread each. */
  static LocalStack prepare(Path data) throws Exception {
    return prepare(data, Optional.empty());
  }

  /** The same, where keys encrypt what workflows hold. */
  static LocalStack prepare(Path data, Optional<Path> codecKeys) throws Exception {
    return LocalStack.prepare(
        new StackOptions(
            data,
            Ports.ANY,
            2,
            1,
            Programs.find("temporal"),
            ApiAccess.TOKEN,
            ApiProgram.BUILT,
            codecKeys),
        new Installation(ROOT),
        System.out::println);
  }

  /** A request to the stack's API, with its token. */
  static HttpRequest.Builder request(Endpoints endpoints, String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(endpoints.api()).resolve(path));
    endpoints
        .client()
        .token()
        .ifPresent(token -> request.header("Authorization", "Bearer " + token));
    return request;
  }

  static Properties credentials(Endpoints endpoints) throws IOException {
    Properties credentials = new Properties();
    try (Reader reader = Files.newBufferedReader(endpoints.credentials())) {
      credentials.load(reader);
    }
    return credentials;
  }

  /** What {@code ./atelier token --link} prints. */
  static String browserLink(Endpoints endpoints) throws IOException, InterruptedException {
    String answer =
        HttpClient.newHttpClient()
            .send(
                request(endpoints, "/api/v1/session/links").POST(BodyPublishers.noBody()).build(),
                BodyHandlers.ofString())
            .body();
    return new ObjectMapper().readTree(answer).get("href").asText();
  }

  /** The environment of one more api before the same servers. */
  static Map<String, String> environmentOfApi(Endpoints endpoints) throws IOException {
    Properties credentials = credentials(endpoints);
    Map<String, String> environment =
        new HashMap<>(
            new Connections(
                    endpoints.temporalTarget(),
                    endpoints.postgresUrl(),
                    endpoints.postgresUser(),
                    endpoints.s3Endpoint(),
                    new DataDirectory.Credentials(
                        credentials.getProperty("postgres.password"),
                        credentials.getProperty("s3.access-key"),
                        credentials.getProperty("s3.secret-key"),
                        credentials.getProperty("api.token")),
                    Optional.empty())
                .environment());
    environment.put("QUARKUS_DATASOURCE_JDBC_URL", endpoints.postgresUrl());
    environment.put("QUARKUS_DATASOURCE_USERNAME", endpoints.postgresUser());
    environment.put("QUARKUS_DATASOURCE_PASSWORD", credentials.getProperty("postgres.password"));
    return environment;
  }
}
