package dev.atelier.cli;

import picocli.CommandLine.Option;

/** Which API a command talks to. */
final class ApiOptions {

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "The API's address; ATELIER_URL sets another default (${DEFAULT-VALUE}).",
      defaultValue = "${env:ATELIER_URL:-http://127.0.0.1:8080}")
  private String url;

  AtelierApi api() throws CommandFailure {
    return new AtelierApi(url);
  }
}
