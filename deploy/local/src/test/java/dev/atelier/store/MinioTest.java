package dev.atelier.store;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Runs where the {@code minio} program is on the PATH, as in continuous integration. */
@EnabledIf("found")
class MinioTest extends ObjectStoreContract {

  private static S3ServerProcess server;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    server = S3ServerProcess.minio(program().orElseThrow(), data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  static boolean found() {
    return program().isPresent();
  }

  private static Optional<String> program() {
    String goBin = Path.of(System.getProperty("user.home"), "go", "bin").toString();
    return Stream.concat(
            Stream.of(System.getenv("PATH").split(File.pathSeparator)), Stream.of(goBin))
        .map(folder -> Path.of(folder, "minio"))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst();
  }

  @Override
  ObjectStore store() {
    return server.store();
  }
}
