package dev.atelier.local;

import dev.atelier.workflows.FoundBy;
import io.temporal.common.SearchAttributeKey;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Temporal: the dev server with its Web UI, state in {@code temporal} of the data folder; or,
 * without its program, the server in memory.
 */
final class TemporalService implements Service {

  static final String NAMESPACE = "default";
  static final String STICKY_TIMEOUT = "ATELIER_WORKER_STICKY_TIMEOUT";

  // The program opens its HTTP API always, and it asks no browser where a request comes from. It
  // answers the hosts of this list, and a browser names some host always.
  private static final String HTTP_API_FOR_NOBODY = "frontend.httpAllowedHosts=[]";

  private final Optional<Path> program;
  private final Path database;
  private final int port;
  private final String uiAddress;
  private final int uiPort;
  private final Optional<URI> codec;

  /**
   * @param program the {@code temporal} program; empty: the server in memory
   * @param uiAddress loopback address that its Web UI listens on
   */
  TemporalService(
      Optional<Path> program, DataDirectory directory, int port, String uiAddress, int uiPort) {
    this(program, directory, port, uiAddress, uiPort, Optional.empty());
  }

  /**
   * As above.
   *
   * @param codec what pages of the Web UI ask to decrypt; empty: nothing is encrypted
   */
  TemporalService(
      Optional<Path> program,
      DataDirectory directory,
      int port,
      String uiAddress,
      int uiPort,
      Optional<URI> codec) {
    this.program = program;
    this.database = directory.root().resolve("temporal").resolve("temporal.db");
    this.port = port;
    this.uiAddress = uiAddress;
    this.uiPort = uiPort;
    this.codec = codec;
  }

  @Override
  public String name() {
    return "temporal";
  }

  @Override
  public Launch launch() throws IOException {
    if (program.isEmpty()) {
      return new Launch(
          JavaChild.own(InMemoryTemporalServer.class, "512m"),
          Map.of(InMemoryTemporalServer.PORT, Integer.toString(port)));
    }
    Files.createDirectories(database.getParent());
    List<String> command =
        new ArrayList<>(
            List.of(
                program.get().toString(),
                "server",
                "start-dev",
                "--ip",
                Ports.HOST,
                "--port",
                Integer.toString(port),
                "--ui-ip",
                uiAddress,
                "--ui-port",
                Integer.toString(uiPort),
                "--http-port",
                Integer.toString(Ports.anyFree()),
                "--metrics-port",
                Integer.toString(Ports.anyFree()),
                "--db-filename",
                database.toString(),
                "--log-level",
                "warn",
                "--dynamic-config-value",
                "matching.enableFairness=true",
                "--dynamic-config-value",
                HTTP_API_FOR_NOBODY));
    codec.ifPresent(
        endpoint -> command.addAll(List.of("--ui-codec-endpoint", endpoint.toString())));
    for (SearchAttributeKey<?> attribute : FoundBy.ALL) {
      command.add("--search-attribute");
      command.add("%s=%s".formatted(attribute.getName(), typeOf(attribute)));
    }
    return new Launch(command, Map.of("TEMPORAL_VERSION_CHECK_DISABLED", "1"));
  }

  /** The type of a search attribute as the dev server spells it, such as {@code KeywordList}. */
  private static String typeOf(SearchAttributeKey<?> attribute) {
    return switch (attribute.getValueType()) {
      case INDEXED_VALUE_TYPE_TEXT -> "Text";
      case INDEXED_VALUE_TYPE_KEYWORD -> "Keyword";
      case INDEXED_VALUE_TYPE_KEYWORD_LIST -> "KeywordList";
      case INDEXED_VALUE_TYPE_INT -> "Int";
      case INDEXED_VALUE_TYPE_DOUBLE -> "Double";
      case INDEXED_VALUE_TYPE_BOOL -> "Bool";
      case INDEXED_VALUE_TYPE_DATETIME -> "Datetime";
      case INDEXED_VALUE_TYPE_UNSPECIFIED, UNRECOGNIZED ->
          throw new IllegalArgumentException("%s has no type.".formatted(attribute));
    };
  }

  @Override
  public void probe() {
    TemporalProbe.requireNamespace(target(), NAMESPACE);
  }

  String target() {
    return "%s:%d".formatted(Ports.HOST, port);
  }

  /**
   * What workers need to know. The server in memory never gives up a task that waits for a worker
   * that has died: against it, none waits for a certain worker.
   */
  Map<String, String> workerEnvironment() {
    return program.isPresent() ? Map.of() : Map.of(STICKY_TIMEOUT, Duration.ZERO.toString());
  }

  /** The Web UI, which the server in memory lacks. */
  Optional<URI> webUi() {
    return program.map(found -> URI.create("http://%s:%d".formatted(uiAddress, uiPort)));
  }
}
