package dev.atelier.local;

import dev.atelier.cli.stack.StackAddress;
import java.nio.file.Path;
import java.util.Optional;

/** Where the servers of a running stack are found. */
public record Endpoints(
    StackAddress client, // what reaches the API: its address and the token
    Optional<String> temporalWebUi,
    String temporalTarget, // host:port
    String postgresUrl, // jdbc:postgresql://…
    String postgresUser,
    String s3Endpoint, // http://host:port
    String s3Bucket,
    Path credentials, // file with the passwords and keys
    Path logs) {

  /** The API's address, such as {@code http://127.0.0.1:8080}. */
  public String api() {
    return client.url();
  }
}
