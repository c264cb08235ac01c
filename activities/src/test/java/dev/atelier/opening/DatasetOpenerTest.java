package dev.atelier.opening;

import static dev.atelier.opening.ImageFiles.dataset;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.PreparedCheck;
import dev.atelier.opening.BoobyTrap.Deed;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourcePolicy;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.apache.commons.compress.compressors.xz.XZCompressorOutputStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Datasets in a process of their own. */
@Tag("slow")
@Timeout(900)
class DatasetOpenerTest {

  private static final OpenerProcess OPENER = opener(Duration.ofMinutes(1), 96);
  private static final Duration IMPATIENCE = Duration.ofSeconds(20);

  @TempDir Path directory;

  private final List<String> heard = new ArrayList<>();

  private static OpenerProcess opener(Duration timeout, int megabytes) {
    return new OpenerProcess(timeout, 8_000_000_000L, 64L << 20, (long) megabytes << 20, 0);
  }

  @Test
  void shouldMakeWhatThisProcessWouldMake() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.healthy());
    Path folder = ImageFiles.folder(directory.resolve("set"), ImageFiles.healthy());
    for (Path source : List.of(zip, folder)) {
      DatasetSpec spec = ImageFiles.withClasses(source);
      Opening opening =
          new Opening.Dataset(source, spec, SourcePolicy.OPEN, ArchiveLimits.DEFAULTS);

      DatasetManifest made = made(OPENER, opening, spec);

      assertThat(made).isEqualTo(made(Opener.HERE, opening, spec));
      assertThat(made.images()).isEqualTo(15);
      assertThat(made.classes())
          .extracting(DatasetManifest.ImageClass::name)
          .containsExactly("a", "b");
    }
    assertThat(heard).contains("packed 15 of 15 images");
  }

  @Test
  void shouldSayWhatIsWrongWithASource() throws Exception {
    Path file = Files.writeString(directory.resolve("notes.txt"), "no images");
    assertThatThrownBy(() -> open(OPENER, file))
        .isInstanceOf(DatasetException.class)
        .hasMessageStartingWith("Cannot use the dataset source 'notes.txt': expected images");
    Path missing = directory.resolve("missing.zip");
    assertThatThrownBy(() -> open(OPENER, missing)).hasMessageContaining("missing.zip");
  }

  @Test
  void shouldNameTheImageThatCrashesWhoDecodesIt() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.CRASH, 1));
    assertThatThrownBy(() -> open(OPENER, zip))
        .isInstanceOf(DatasetException.class)
        .hasMessageMatching(
            "Cannot use the dataset source 'set.zip': it crashed the process that opened it( \\(signal \\d+\\))? at ('a\\.png' or )?'b0\\.bmp'\\.");
    assertThat(inAProcessThatOpensItItself(zip)).isNotZero();
    assertThat(directory.resolve("crash")).exists();
  }

  @Test
  void shouldNameTheImageThatTakesTheHeap() throws Exception {
    Path folder = ImageFiles.folder(directory.resolve("set"), ImageFiles.trapped(Deed.GROW, 1));
    assertThatThrownBy(() -> open(OPENER, folder))
        .isInstanceOf(DatasetException.class)
        .hasMessageMatching(
            "Cannot use the dataset source 'set': opening it takes more than 96 MB of heap at ('a\\.png' or )?'b0\\.bmp'\\.");
    assertThat(inAProcessThatOpensItItself(folder)).isEqualTo(3);
  }

  @Test
  void shouldSurviveAnArchiveThatTakesTheHeap() throws Exception {
    Path archive = Files.write(directory.resolve("set.tar.xz"), xzWithDictionaryOf192Megabytes());
    assertThatThrownBy(() -> open(OPENER, archive))
        .isInstanceOf(DatasetException.class)
        .hasMessage(
            "Cannot use the dataset source 'set.tar.xz': opening it takes more than 96 MB of heap.");
    assertThat(inAProcessThatOpensItItself(archive)).isEqualTo(3);
    assertThatThrownBy(() -> open(opener(Duration.ofMinutes(1), 512), archive))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("expected images"); // an empty archive, where there is room
  }

  @Test
  void shouldEndADatasetThatComesNoFurther() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.HANG, 1));
    assertThatThrownBy(() -> open(opener(IMPATIENCE, 96), zip))
        .isInstanceOf(DatasetException.class)
        .hasMessage(
            "Cannot use the dataset source 'set.zip': the process that opened it came no further for 20 s at 'b0.bmp'.");
    assertChildrenEnd();
  }

  @Test
  void shouldLetADatasetTakeItsTimeWhenItComesFurther() throws Exception {
    int images = 22 * Runtime.getRuntime().availableProcessors(); // 22 s
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.SLEEP, images));
    assertThat(made(opener(IMPATIENCE, 96), dataset(zip), ImageFiles.spec(zip)).images())
        .isEqualTo(1 + images);
  }

  @Test
  void shouldGiveUpWhenItIsAskedTo() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.HANG, 1));
    assertThatThrownBy(
            () ->
                OPENER.open(
                    dataset(zip),
                    directory,
                    sentence -> {
                      if (sentence.startsWith("decoded")) {
                        throw new IllegalStateException("canceled at: " + sentence);
                      }
                    }))
        .hasMessageMatching("canceled at: decoded [01] of 2 images");
    assertChildrenEnd();
  }

  @Test
  void shouldEndWithWhoAskedForIt() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.HANG, 1));
    Process worker = process(Asking.class, zip);
    try {
      List<ProcessHandle> opener = new ArrayList<>();
      while (opener.isEmpty()) {
        assertThat(worker.isAlive()).isTrue();
        worker.descendants().filter(this::decodes).forEach(opener::add);
        Thread.sleep(100);
      }
      worker.destroyForcibly().waitFor();
      opener.get(0).onExit().get(60, TimeUnit.SECONDS);
    } finally {
      worker.descendants().forEach(ProcessHandle::destroyForcibly);
      worker.destroyForcibly();
    }
  }

  @Test
  void shouldSeeNoSettingAndNoNetwork() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("set.zip"), ImageFiles.trapped(Deed.LOOK, 1));
    open(OPENER, zip);
    try (Stream<Path> files = Files.walk(directory)) {
      Path looked = files.filter(f -> f.endsWith(BoobyTrap.LOOKED)).findAny().orElseThrow();
      List<String> seen = Files.readAllLines(looked);
      assertThat(seen)
          .filteredOn(line -> !line.equals(BoobyTrap.NETWORK))
          .contains("OMP_NUM_THREADS")
          .isSubsetOf(
              "PATH",
              "LD_LIBRARY_PATH",
              "PYTORCH_LIBRARY_PATH",
              "PYTORCH_FLAVOR",
              "DJL_CACHE_DIR",
              "LANG",
              "LC_ALL",
              "LC_CTYPE",
              "OMP_NUM_THREADS",
              "MALLOC_ARENA_MAX",
              "PWD",
              "_");
      if (mayMakeNamespaces()) {
        assertThat(seen).doesNotContain(BoobyTrap.NETWORK);
      }
    }
    Opener.HERE.open(dataset(zip), directory, sentence -> {});
    assertThat(Files.readAllLines(Path.of(BoobyTrap.LOOKED))).contains(BoobyTrap.NETWORK, "HOME");
    Files.delete(Path.of(BoobyTrap.LOOKED));
  }

  private static boolean mayMakeNamespaces() throws IOException, InterruptedException {
    return new ProcessBuilder("sh", "-c", "unshare -rn true 2>/dev/null").start().waitFor() == 0;
  }

  private void open(Opener opener, Path source) throws IOException {
    opener.open(dataset(source), Files.createTempDirectory(directory, "work"), heard::add);
  }

  private DatasetManifest made(Opener opener, Opening opening, DatasetSpec spec)
      throws IOException {
    Path work = Files.createTempDirectory(directory, "work");
    opener.open(opening, work, heard::add);
    return PreparedCheck.read(work.resolve(Opening.MADE), spec, sentence -> {}).manifest();
  }

  private static void assertChildrenEnd() throws Exception {
    for (ProcessHandle child : ProcessHandle.current().descendants().toList()) {
      child.onExit().get(60, TimeUnit.SECONDS);
    }
  }

  /** Whether the process has noted that it is at the image that hangs. */
  private boolean decodes(ProcessHandle process) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.filter(f -> f.endsWith(OpenerProcess.WHEREABOUTS)).toList()) {
        if (Files.readString(file).contains("b0.bmp")) {
          return process.isAlive();
        }
      }
      return false;
    } catch (IOException | java.io.UncheckedIOException e) {
      return false; // it goes on
    }
  }

  /** The exit code of a process that opens the source as the worker once did. */
  private int inAProcessThatOpensItItself(Path source) throws Exception {
    Process process = process(InItself.class, source);
    assertThat(process.waitFor(100, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private Process process(Class<?> main, Path source) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx96m",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + directory.resolve("crash"),
            "-cp",
            System.getProperty("java.class.path"),
            main.getName(),
            source.toString(),
            directory.toString())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("process.log").toFile())
        .start();
  }

  /** Opens a dataset in its own process. */
  static final class InItself {
    public static void main(String[] args) throws IOException {
      Opener.HERE.open(dataset(Path.of(args[0])), Path.of(args[1]), sentence -> {});
    }
  }

  /** Opens a dataset in a process of its own. */
  static final class Asking {
    public static void main(String[] args) throws IOException {
      OPENER.open(dataset(Path.of(args[0])), Path.of(args[1]), sentence -> {});
    }
  }

  /** An empty archive in some bytes that ask for a dictionary of 192 MB, as the format allows. */
  private static byte[] xzWithDictionaryOf192Megabytes() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (XZCompressorOutputStream xz =
        XZCompressorOutputStream.builder().setOutputStream(out).get()) {
      xz.write(new byte[10_240]); // of tar
    }
    byte[] bytes = out.toByteArray();
    // Behind the stream's header of 12 bytes is the block's: size, flags, LZMA2, one property.
    int block = 12;
    assertThat(bytes[block + 2]).isEqualTo((byte) 0x21);
    bytes[block + 4] = 31; // (2 | 31 & 1) << (31 / 2 + 11), see the format's specification
    int headerBytes = (bytes[block] + 1) * 4;
    CRC32 crc = new CRC32();
    crc.update(bytes, block, headerBytes - 4);
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(block + headerBytes - 4, (int) crc.getValue());
    return bytes;
  }
}
