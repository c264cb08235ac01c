package dev.atelier.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.TrainingBench.Run;
import dev.atelier.store.TrainingProcess.Job;
import dev.atelier.store.TrainingProcess.Resume;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The objects of a real training's two checkpoints, damaged where the S3 server keeps them, as a
 * disk does: every damage is noticed, and the checkpoint before is used.
 */
@Timeout(1800)
class DamagedCheckpointIT {

  private static final String EXPERIMENT = "damaged";
  private static final int INTERVAL = 8;
  private static final int FLIPS = 250;
  private static final int TRUNCATIONS = 40;
  private static final long SEED = 7;
  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  @TempDir static Path directory;
  private static TrainingBench bench;
  private static S3CheckpointStore checkpoints;
  private static Attempt attempt;
  private static Stored newest;
  private static Stored previous;

  /** A checkpoint: its row, and its objects' content by key. */
  private record Stored(CheckpointRow row, Map<String, byte[]> objects) {

    static Stored of(CheckpointRow row) {
      Map<String, byte[]> objects = new LinkedHashMap<>();
      CheckpointManifest manifest =
          CheckpointManifest.read(bench.store(), row.manifestKey(), row.manifestSha256());
      for (StoredFile file : manifest.objects()) {
        objects.put(file.key(), bench.store().get(file.key()).orElseThrow());
      }
      objects.put(row.manifestKey(), bench.store().get(row.manifestKey()).orElseThrow());
      return new Stored(row, objects);
    }

    List<String> keys() {
      return List.copyOf(objects.keySet());
    }

    String key(String fileName) {
      return keys().stream().filter(key -> key.endsWith("/" + fileName)).findFirst().orElseThrow();
    }

    void restore() throws IOException {
      for (Map.Entry<String, byte[]> object : objects.entrySet()) {
        write(object.getKey(), object.getValue());
      }
      bench.checkpoints().record(attempt, row.step(), row.manifestKey(), row.manifestSha256(), 1);
    }
  }

  @BeforeAll
  static void train() throws Exception {
    bench = new TrainingBench(directory);
    bench.insertExperiment(EXPERIMENT);
    Run run =
        bench.run(
            new Job(
                EXPERIMENT,
                11,
                2 * INTERVAL,
                INTERVAL,
                1,
                KillPoint.NEVER,
                Resume.WHOLE,
                false,
                directory.resolve("log").toString(),
                directory.resolve("work").toString(),
                bench.s3Endpoint(),
                bench.databaseUrl()));
    assertThat(run.status()).isZero();
    attempt = bench.startAttempt(EXPERIMENT);
    checkpoints = bench.checkpoints(EXPERIMENT, attempt);
    List<CheckpointRow> rows = bench.checkpoints().of(attempt);
    assertThat(rows).extracting(CheckpointRow::step).containsExactly(2 * INTERVAL, INTERVAL);
    newest = Stored.of(rows.get(0));
    previous = Stored.of(rows.get(1));
  }

  @AfterAll
  static void stop() throws Exception {
    bench.close();
  }

  @BeforeEach
  void restore() throws IOException {
    previous.restore();
    newest.restore();
  }

  @Test
  void shouldUseThePreviousCheckpointWhenAnyBitFlips() throws IOException {
    assertLoads(newest); // undamaged
    Random random = new Random(SEED);
    Map<String, Integer> silent = new TreeMap<>(); // loads of damaged files without verification
    for (int i = 0; i < FLIPS; i++) {
      String key = newest.keys().get(random.nextInt(newest.keys().size()));
      byte[] content = newest.objects().get(key).clone();
      int bit = random.nextInt(8 * content.length);
      content[bit / 8] ^= (byte) (1 << (bit % 8));
      newest.restore();
      write(key, content);

      if (loadsWithoutVerification(key)) {
        silent.merge(fileName(key), 1, Integer::sum);
      }
      assertLoads(previous);
    }
    // The negative control: it is the verification that finds them, not the parsers.
    System.out.printf("Of %d flips these load without verification: %s%n", FLIPS, silent);
    assertThat(silent.values().stream().mapToInt(Integer::intValue).sum())
        .isGreaterThan(FLIPS * 7 / 10);
  }

  @Test
  void shouldUseThePreviousCheckpointWhenAnObjectIsTruncated() throws IOException {
    Random random = new Random(SEED);
    for (int i = 0; i < TRUNCATIONS; i++) {
      String key = newest.keys().get(random.nextInt(newest.keys().size()));
      byte[] content = newest.objects().get(key);
      newest.restore();
      write(key, Arrays.copyOf(content, random.nextInt(content.length)));
      assertLoads(previous);
    }
  }

  @Test
  void shouldUseThePreviousCheckpointWhenAnObjectIsMissing() throws IOException {
    for (String key : newest.keys()) {
      newest.restore();
      bench.store().delete(key);
      assertLoads(previous);
    }
  }

  @Test
  void shouldUseThePreviousCheckpointWhenObjectsAreSwapped() throws IOException {
    // All of these are valid files of the right shapes.
    String weights = newest.key("weights.safetensors");
    String ema = newest.key("ema.safetensors");
    write(weights, newest.objects().get(ema));
    write(ema, newest.objects().get(weights));
    assertThat(loadsWithoutVerification(weights)).isTrue();
    assertLoads(previous);

    for (String key : newest.keys()) {
      newest.restore();
      write(key, previous.objects().get(previous.key(fileName(key))));
      assertLoads(previous);
    }
  }

  @Test
  void shouldUseTheNewestCheckpointWhenOnlyTheOneBeforeIsDamaged() throws IOException {
    for (String key : previous.keys()) {
      flipMiddle(previous, key);
      assertLoads(newest);
    }
  }

  @Test
  void shouldRefuseWhenBothCheckpointsAreDamaged() throws IOException {
    for (String key : previous.keys()) {
      restore();
      flipMiddle(previous, key);
      flipMiddle(newest, newest.key(fileName(key)));
      assertThatThrownBy(() -> checkpoints.latest())
          .isInstanceOf(ObjectCorruptException.class)
          .hasMessageContaining("None of 2 checkpoints is whole")
          .hasMessageContaining(key)
          .hasMessageContaining(newest.key(fileName(key)));
    }
  }

  @Test
  void shouldNotDependOnLatest() throws IOException {
    String latest = ExperimentKeys.checkpoints(EXPERIMENT, TrainingProcess.STUDENT) + "latest";
    bench.store().put(latest, "points/to/nothing".getBytes(UTF_8), "text/plain");
    assertLoads(newest);
    assertThat(bench.latestKey(EXPERIMENT)).hasValue(newest.row().manifestKey()); // repaired
    bench.store().delete(latest);
    assertLoads(newest);
    assertThat(bench.latestKey(EXPERIMENT)).hasValue(newest.row().manifestKey());
  }

  private static void assertLoads(Stored expected) {
    Checkpoint loaded = checkpoints.latest().orElseThrow();
    assertThat(loaded.step()).isEqualTo(expected.row().step());
    for (Path file : loaded.files()) {
      assertThat(Sha256.of(file))
          .isEqualTo(
              Sha256.of(expected.objects().get(expected.key(file.getFileName().toString()))));
    }
  }

  /** Whether a program that compares no hashes would take the object for good. */
  private static boolean loadsWithoutVerification(String key) {
    Path file = directory.resolve("unverified").resolve(fileName(key));
    bench.store().fetchForeign(S3ServerProcess.BUCKET, key, file, Long.MAX_VALUE);
    try {
      if (key.endsWith(".json")) {
        JSON.readValue(file.toFile(), CheckpointManifest.class);
      } else {
        TrainingProcess.studentNetwork().check(SafetensorsFile.read(file).tensors(), key);
      }
      return true;
    } catch (IOException | RuntimeException e) {
      return false;
    }
  }

  private static void flipMiddle(Stored checkpoint, String key) throws IOException {
    byte[] content = checkpoint.objects().get(key).clone();
    content[content.length / 2] ^= 1;
    write(key, content);
  }

  /** Writes where the S3 server keeps an object. */
  private static void write(String key, byte[] content) throws IOException {
    Path file = bench.objectFile(key);
    Files.createDirectories(file.getParent());
    Files.write(file, content);
  }

  private static String fileName(String key) {
    return key.substring(key.lastIndexOf('/') + 1);
  }
}
