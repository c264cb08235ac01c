package dev.atelier.local;

import dev.atelier.deploy.Programs;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

/** The local stack of a test, on free ports, and what another api needs to serve beside it. */
final class StackUnderTest {

  static final Path ROOT =
      Path.of(System.getProperty("atelier.home", "../..")).toAbsolutePath().normalize();

  private StackUnderTest() {}

  /** Two workers of one thread each. */
  static LocalStack prepare(Path data) throws Exception {
    return LocalStack.prepare(
        new StackOptions(data, Ports.ANY, 2, 1, Programs.find("temporal")),
        new Installation(ROOT),
        System.out::println);
  }

  static Properties credentials(Endpoints endpoints) throws IOException {
    Properties credentials = new Properties();
    try (Reader reader = Files.newBufferedReader(endpoints.credentials())) {
      credentials.load(reader);
    }
    return credentials;
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
                        credentials.getProperty("s3.secret-key")))
                .environment());
    environment.put("QUARKUS_DATASOURCE_JDBC_URL", endpoints.postgresUrl());
    environment.put("QUARKUS_DATASOURCE_USERNAME", endpoints.postgresUser());
    environment.put("QUARKUS_DATASOURCE_PASSWORD", credentials.getProperty("postgres.password"));
    return environment;
  }
}
