package dev.atelier.opening;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.PreparedCheck;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.torchscript.TorchScriptFile;
import dev.atelier.opening.BoobyTrap.Deed;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.store.objects.StoreUnavailableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The opener as a program of its own, over a socket. */
@Timeout(900)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RemoteOpenerTest {

  private static final OpenerProcess LIMITS =
      new OpenerProcess(Duration.ofMinutes(1), 8_000_000_000L, 256L << 20);

  private Path directory;
  private Path folder; // of the server
  private int port;
  private Process server;
  private RemoteOpener opener;

  @BeforeAll
  void start(@TempDir Path temporary) throws Exception {
    directory = temporary;
    folder = Files.createDirectory(directory.resolve("server"));
    port = freePort();
    opener = new RemoteOpener("127.0.0.1", port, LIMITS);
    startServer();
  }

  private void startServer() throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-Djava.io.tmpdir=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                OpenerServer.class.getName(),
                "127.0.0.1",
                Integer.toString(port))
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("server.log").toFile());
    builder.environment().keySet().retainAll(List.of("PATH", "HOME"));
    server = builder.start();
    while (!answers(port)) {
      assertThat(server.isAlive()).isTrue();
      Thread.sleep(100);
    }
  }

  @AfterAll
  void stop() {
    server.descendants().forEach(ProcessHandle::destroyForcibly);
    server.destroyForcibly();
  }

  @Test
  void shouldSendAFileAndPassIt() throws Exception {
    Path file = Path.of("src/test/resources/untrusted/ext-script.pt");
    opener.open(extractor(file), directory, RemoteOpenerTest::goOn);
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldPassOnWhatIsWrongWithAFileOrFolder() throws Exception {
    Path file = Files.writeString(directory.resolve("notes.npz"), "not a zip");
    assertThatThrownBy(
            () -> opener.open(new Opening.Statistics(file), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(EvaluationException.class)
        .hasMessageStartingWith("Cannot read reference statistics 'notes.npz': expected an .npz");
    Path unet = Files.createDirectories(directory.resolve("diffusers/unet"));
    Files.writeString(unet.resolve("config.json"), "{\"_class_name\": \"Other\"}");
    assertThatThrownBy(
            () -> opener.open(teacher(unet.getParent()), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("config.json: _class_name is Other"); // the folder was sent whole
  }

  @Test
  void shouldPassOnThatMemoryRanOut() throws Exception {
    Path file = directory.resolve("large.pt");
    TorchScriptFile.write(
        file,
        "  y = torch.ones([4000000000000000])\n  return torch.mean(torch.add(x, y[0]), [2, 3])\n");
    assertThatThrownBy(() -> opener.open(extractor(file), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessageContaining("The extractor ran out of memory with ");
  }

  @Test
  void shouldSendOfATeachersFolderWhatIsRead() throws Exception {
    Path folder = Files.createDirectories(directory.resolve("pipeline/unet")).getParent();
    for (String name : List.of("config.json", "diffusion_pytorch_model.safetensors")) {
      Files.copy(
          Path.of("src/test/resources/network/diffusers").resolve(name),
          folder.resolve("unet").resolve(name));
    }
    Files.write(folder.resolve("unet/diffusion_pytorch_model.bin"), new byte[1 << 20]);
    List<String> sent = new ArrayList<>();
    teacher(folder).forEachFile((name, bytes, content) -> sent.add(name));
    assertThat(sent)
        .containsExactly(
            "pipeline/unet/config.json", "pipeline/unet/diffusion_pytorch_model.safetensors");

    opener.open(teacher(folder), directory, RemoteOpenerTest::goOn);
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldSurviveAFileThatKillsWhoeverRunsIt() throws Exception {
    Path file = directory.resolve("chained.pt");
    TorchScriptFile.write(
        file,
        "  y = torch.mean(x, [2, 3])\n" + "  y = torch.neg(y)\n".repeat(60_000) + "  return y\n");
    assertThatThrownBy(() -> opener.open(extractor(file), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("it crashed the process that opened it");
    assertThat(server.isAlive()).isTrue();
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldWaitForAnOpenerThatIsAway() throws Exception {
    RemoteOpener away = new RemoteOpener("127.0.0.1", freePort(), LIMITS);
    Path file = Path.of("src/test/resources/untrusted/ext-script.pt");
    assertThatThrownBy(() -> away.open(extractor(file), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(StoreUnavailableException.class) // it is tried again
        .hasMessageMatching("The opener at 127.0.0.1:\\d+ does not answer: .*");
  }

  @Test
  void shouldBlameAFileWhoseOpenerGoesAwayEachTime() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    try (ServerSocket breaking = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  while (true) {
                    try (Socket worker = breaking.accept()) {
                      asked.addAndGet(worker.isConnected() ? 1 : 0);
                    }
                  }
                } catch (IOException e) {
                  // the test is over
                }
              });
      thread.start();
      RemoteOpener dying = new RemoteOpener("127.0.0.1", breaking.getLocalPort(), LIMITS);
      Path file = Path.of("src/test/resources/untrusted/ext-script.pt");
      assertThatThrownBy(() -> dying.open(extractor(file), directory, RemoteOpenerTest::goOn))
          .isInstanceOf(ExtractorException.class)
          .hasMessage("Cannot use 'e.pt': it ended the opener 3 times in a row.");
    }
    assertThat(asked).hasValue(3);
  }

  @Test
  void shouldSendADatasetAndBringBackWhatIsMadeOfIt() throws Exception {
    Path own = Files.createTempDirectory(directory, "datasets");
    Path zip = ImageFiles.zip(own.resolve("set.zip"), ImageFiles.healthy());
    Path source = ImageFiles.folder(own.resolve("set"), ImageFiles.healthy());
    Files.createSymbolicLink(
        source.resolve("set/a/link.png"), Path.of("05.png")); // sent as the file it leads to
    for (Path path : List.of(zip, source)) {
      DatasetSpec spec = ImageFiles.withClasses(path);
      Opening.Dataset opening =
          new Opening.Dataset(path, spec, SourcePolicy.OPEN, ArchiveLimits.DEFAULTS);
      assertThat(made(opener, opening)).isEqualTo(made(Opener.HERE, opening));
    }
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldSendNothingThatALinkLeadsOutTo() throws Exception {
    Path source =
        ImageFiles.folder(
            Files.createTempDirectory(directory, "datasets").resolve("set"), ImageFiles.healthy());
    Path secret = Files.writeString(directory.resolve("secret"), "of others");
    Files.createSymbolicLink(source.resolve("set/a/link.png"), secret);
    Opening opening =
        new Opening.Dataset(
            source,
            ImageFiles.spec(source),
            new SourcePolicy(
                Optional.empty(), false, List.of(source.toString()), Optional.empty(), ""),
            ArchiveLimits.DEFAULTS);
    assertThatThrownBy(() -> opener.open(opening, directory, RemoteOpenerTest::goOn))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("may not be fetched: it leads to");
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldSurviveAnImageThatCrashesWhoDecodesIt() throws Exception {
    Path zip = ImageFiles.zip(directory.resolve("crash.zip"), ImageFiles.trapped(Deed.CRASH, 1));
    assertThatThrownBy(
            () -> opener.open(ImageFiles.dataset(zip), directory, RemoteOpenerTest::goOn))
        .isInstanceOf(DatasetException.class)
        .hasMessageMatching(
            "Cannot use the dataset source 'crash.zip': it crashed the process that opened it( \\(signal \\d+\\))? at .*'b0\\.bmp'\\.");
    assertThat(server.isAlive()).isTrue();
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldWaitForItsTurnAndEndWithWhoAskedForIt() throws Exception {
    Path hanging = ImageFiles.zip(directory.resolve("hang.zip"), ImageFiles.trapped(Deed.HANG, 1));
    AtomicBoolean canceled = new AtomicBoolean();
    List<CompletableFuture<Void>> busy = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      CompletableFuture<Void> decoding = new CompletableFuture<>();
      busy.add(decoding);
      new Thread(() -> hang(hanging, canceled, decoding)).start();
    }
    for (CompletableFuture<Void> decoding : busy) {
      decoding.get(100, TimeUnit.SECONDS);
    }
    List<String> heard = new ArrayList<>();
    assertThatThrownBy(
            () ->
                opener.open(
                    ImageFiles.dataset(hanging),
                    Files.createTempDirectory(directory, "work"),
                    sentence -> {
                      heard.add(sentence);
                      if (sentence.startsWith("waiting")) {
                        throw new IllegalStateException("canceled");
                      }
                    }))
        .hasMessage("canceled");
    assertThat(heard.get(heard.size() - 1)).isEqualTo("waiting for the opener, which is busy");
    Path file = Path.of("src/test/resources/untrusted/ext-script.pt");
    opener.open(extractor(file), directory, RemoteOpenerTest::goOn); // not behind the datasets

    List<ProcessHandle> decoders = server.descendants().toList();
    assertThat(decoders).isNotEmpty();
    canceled.set(true);
    for (ProcessHandle decoder : decoders) {
      decoder.onExit().get(60, TimeUnit.SECONDS);
    }
    assertThat(left()).isEmpty();
  }

  @Test
  void shouldBeginWithoutTheFilesOfAServerThatWasKilled() throws Exception {
    Path hanging = ImageFiles.zip(directory.resolve("kill.zip"), ImageFiles.trapped(Deed.HANG, 1));
    AtomicBoolean canceled = new AtomicBoolean();
    CompletableFuture<Void> decoding = new CompletableFuture<>();
    Thread asking = new Thread(() -> hang(hanging, canceled, decoding));
    asking.start();
    decoding.get(100, TimeUnit.SECONDS);
    assertThat(opened()).isNotEmpty();
    List<ProcessHandle> decoders = server.descendants().toList();
    canceled.set(true);
    server.destroyForcibly().waitFor();
    asking.join();
    for (ProcessHandle decoder : decoders) {
      decoder.onExit().get(60, TimeUnit.SECONDS);
    }
    assertThat(opened()).as("control: nobody has removed them").isNotEmpty();
    startServer();
    assertThat(left()).isEmpty();
    opener.open(
        extractor(Path.of("src/test/resources/untrusted/ext-script.pt")),
        directory,
        RemoteOpenerTest::goOn);
  }

  /** Decodes what never ends until it is canceled; says when it is at it. */
  private void hang(Path source, AtomicBoolean canceled, CompletableFuture<Void> decoding) {
    try {
      opener.open(
          ImageFiles.dataset(source),
          Files.createTempDirectory(directory, "work"),
          sentence -> {
            if (sentence.startsWith("decoded")) {
              decoding.complete(null);
            }
            if (canceled.get()) {
              throw new IllegalStateException("canceled");
            }
          });
    } catch (IOException | RuntimeException e) {
      decoding.completeExceptionally(e);
    }
  }

  private DatasetManifest made(Opener by, Opening.Dataset opening) throws IOException {
    Path work = Files.createTempDirectory(directory, "work");
    by.open(opening, work, RemoteOpenerTest::goOn);
    return PreparedCheck.read(work.resolve(Opening.MADE), opening.spec(), sentence -> {})
        .manifest();
  }

  private List<Path> left() throws Exception {
    for (int i = 0; i < 50; i++) { // the answer comes before the folder goes
      List<Path> found = opened();
      if (found.isEmpty() || i == 49) {
        return found;
      }
      Thread.sleep(100);
    }
    throw new AssertionError();
  }

  private List<Path> opened() throws IOException {
    try (var files = Files.list(folder.resolve("opener-" + port))) {
      return files.toList();
    }
  }

  private static void goOn() {}

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false; // not yet
    }
  }

  private static Opening extractor(Path file) {
    return new Opening.Extractor(file, "e.pt", "0".repeat(64), Optional.empty(), 8);
  }

  private static Opening teacher(Path folder) {
    return new Opening.Teacher(
        folder,
        "diffusers",
        new TeacherImport.Expected(TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, DiffusionSpec.DEFAULTS));
  }
}
