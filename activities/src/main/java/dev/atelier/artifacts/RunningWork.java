package dev.atelier.artifacts;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notes on this machine's disk what its workers are at. A note that is there after its process has
 * gone, while the machine has not been started anew, is of work that ended the process: neither a
 * drain, which takes the notes away, nor a machine that is taken away leaves one that anybody
 * reads.
 */
public final class RunningWork {

  private static final Logger LOG = LoggerFactory.getLogger(RunningWork.class);
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
  private static final String PREFIX = "running-";
  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  /**
   * A piece of work.
   *
   * @param activity names it for all of its attempts
   * @param boot of the machine that it runs on
   */
  public record Note(
      String activity, Optional<String> experimentId, Optional<String> modelKey, String boot) {}

  private final Path directory;

  /** Keeps the notes of this process in {@code directory}, which goes once it has ended. */
  public RunningWork(Path directory) {
    this.directory = directory;
  }

  public void begin(String activity, Optional<String> experimentId, Optional<String> modelKey) {
    try {
      Files.write(
          file(activity),
          JSON.writeValueAsBytes(new Note(activity, experimentId, modelKey, boot())));
    } catch (IOException e) { // a full disk ends no work
      LOG.warn("It is not noted down that {} runs: {}", activity, e.getMessage());
    }
  }

  public void end(String activity) {
    try {
      Files.deleteIfExists(file(activity));
    } catch (IOException e) {
      LOG.warn("It is not noted down that {} has ended: {}", activity, e.getMessage());
    }
  }

  /** From now on nothing that ends is the work's fault. */
  public void endAll() {
    endWhere(note -> true);
  }

  /** From now on what ends is the fault of {@code activity} alone. */
  public void endAllBut(String activity) {
    Path kept = file(activity);
    endWhere(note -> !note.equals(kept));
  }

  private void endWhere(Predicate<Path> ended) {
    try {
      for (Path note : notes(directory)) {
        if (ended.test(note)) {
          Files.deleteIfExists(note);
        }
      }
    } catch (IOException e) {
      LOG.warn("The notes of running work cannot be removed: {}", e.getMessage());
    }
  }

  /** What was running in a process that is no more, since this machine was started. */
  public static List<Note> leftIn(Path directory) throws IOException {
    List<Note> left = new ArrayList<>();
    for (Path note : notes(directory)) {
      try {
        Note read = JSON.readValue(note.toFile(), Note.class);
        if (read.boot().equals(boot())) {
          left.add(read);
        }
      } catch (JsonProcessingException e) {
        LOG.warn("A note of running work was cut short: {}", note.getFileName());
      }
    }
    return left;
  }

  private static List<Path> notes(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(f -> f.getFileName().toString().startsWith(PREFIX)).toList();
    }
  }

  private Path file(String activity) {
    return directory.resolve(
        PREFIX + Sha256.of(activity.getBytes(StandardCharsets.UTF_8)).substring(0, 32));
  }

  private static String boot() throws IOException {
    return Files.exists(BOOT) ? Files.readString(BOOT).strip() : "";
  }
}
