package dev.atelier.encoding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.S3ServerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Encoding processes that die by SIGKILL while they encode, send or have just kept a shard: another
 * encodes again what the one before was at, and no shard more.
 */
@Timeout(900)
class KilledEncodingIT {

  private static final int KILLED = 128 + 9;

  /** The line of the log after which a process is killed, and how long after. */
  private record Death(String line, int micros) {}

  private static final Death NEVER = new Death("never", 0);

  @TempDir static Path directory;
  private static S3ServerProcess server;

  @BeforeAll
  static void start() throws Exception {
    server = S3ServerProcess.s3Proxy(directory);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void shouldEncodeNoMoreThanOneShardAgainForEachDeath() throws Exception {
    String inPeace = "a".repeat(64);
    List<String> whole = run(inPeace, NEVER);
    assertThat(last(whole)).isEqualTo("done");
    int shards = kept(whole).size();
    assertThat(kept(whole).keySet())
        .contains("latents 0", "latents 7", "texts 0", "texts 1", "index 0");

    List<Death> deaths =
        List.of(
            new Death("encoding images encoded: 6 of 24", 2000),
            new Death("keeping latents 4", 500),
            new Death("kept latents 6", 0),
            new Death("keeping texts 1", 1000));
    String dataset = "b".repeat(64);
    List<String> all = new ArrayList<>();
    for (Death death : deaths) {
      List<String> log = run(dataset, death);
      assertThat(log).as("killed after '%s'", death.line()).contains(death.line());
      assertThat(last(log)).isNotEqualTo("done");
      all.addAll(log);
    }
    List<String> end = run(dataset, NEVER);
    all.addAll(end);
    assertThat(last(end)).isEqualTo("done");

    Map<String, Integer> sent = new HashMap<>();
    all.stream()
        .filter(line -> line.startsWith("keeping "))
        .forEach(line -> sent.merge(line, 1, Integer::sum));
    Map<String, Integer> encoded = new HashMap<>();
    all.stream()
        .filter(line -> line.startsWith("encoding images encoded"))
        .forEach(line -> encoded.merge(line, 1, Integer::sum));
    System.out.printf("sent %s%nencoded %s%n", sent, encoded);
    assertThat(encoded).hasSize(EncodingProcess.IMAGES / EncodingProcess.IMAGES_PER_SHARD);
    assertThat(repeated(encoded)).as("shards of latents encoded again").isBetween(1, 3);
    assertThat(sent).hasSize(shards);
    assertThat(repeated(sent)).as("shards sent again").isBetween(0, deaths.size());
    // What was found in the store was not made again.
    assertThat(kept(end).size()).isLessThan(shards / 2);

    // Names end with the hashes of their content; a shard whose answer was lost lies there once.
    assertThat(shards(dataset))
        .as("the same bits as without a death")
        .hasSize(shards)
        .isEqualTo(shards(inPeace));
  }

  private static List<String> shards(String dataset) {
    String prefix = ExperimentKeys.dataset(dataset);
    return server.store().list(prefix).stream()
        .map(key -> key.substring(prefix.length()))
        .filter(name -> !name.contains("manifest-"))
        .sorted()
        .toList();
  }

  private static int repeated(Map<String, Integer> times) {
    return times.values().stream().mapToInt(n -> n - 1).sum();
  }

  private static Map<String, Integer> kept(List<String> log) {
    Map<String, Integer> kept = new HashMap<>();
    log.stream()
        .filter(line -> line.startsWith("kept "))
        .forEach(line -> kept.merge(line.substring("kept ".length()), 1, Integer::sum));
    return kept;
  }

  private static String last(List<String> log) {
    return log.get(log.size() - 1);
  }

  /** Runs a process to its end, or to its death; its log. */
  private static List<String> run(String dataset, Death death)
      throws IOException, InterruptedException {
    Path log = Files.createTempFile(directory, "log-", ".txt");
    Path output = directory.resolve(log.getFileName() + ".out");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dai.djl.offline=true",
            "-Dlogback.configurationFile=logback-cli.xml",
            "-cp",
            System.getProperty("java.class.path"),
            EncodingProcess.class.getName(),
            server.endpoint(),
            dataset,
            log.toString(),
            directory.toString(),
            Path.of("../../activities/src/test/resources/pipeline/sd1").toAbsolutePath().toString(),
            death.line(),
            Integer.toString(death.micros()));
    Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
    try {
      int status = process.waitFor();
      if (status != 0 && status != KILLED) {
        throw new IllegalStateException(
            "An encoding process ended with %d: %s".formatted(status, Files.readString(output)));
      }
      return Files.readAllLines(log);
    } finally {
      process.destroyForcibly();
    }
  }
}
