package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {

  @TempDir private Path folder;

  @Test
  void shouldRefuseASecondStackAndNameTheFirst() throws Exception {
    try (DataDirectory first = DataDirectory.open(folder)) {
      assertThat(first.root()).isEqualTo(folder);
      assertThatThrownBy(() -> DataDirectory.open(folder))
          .isInstanceOf(StackException.class)
          .hasMessageContaining("already runs on " + folder)
          .hasMessageContaining("process " + ProcessHandle.current().pid());
    }
    DataDirectory.open(folder).close();
  }

  @Test
  void shouldKeepCredentialsThatOnlyTheOwnerCanRead() throws Exception {
    try (DataDirectory directory = DataDirectory.open(folder)) {
      DataDirectory.Credentials credentials = directory.credentials();

      assertThat(directory.credentials()).isEqualTo(credentials);
      assertThat(Files.getPosixFilePermissions(directory.credentialsFile()))
          .isEqualTo(PosixFilePermissions.fromString("rw-------"));
      assertThat(credentials.postgresPassword()).hasSizeGreaterThan(40);
    }
  }

  @Test
  void shouldCloseAStacksFolderToOthersAndRefuseOneOfAnotherUse() throws Exception {
    Set<PosixFilePermission> open = PosixFilePermissions.fromString("rwxr-xr-x");
    Files.setPosixFilePermissions(folder, open);
    DataDirectory.open(folder).close();
    assertThat(Files.getPosixFilePermissions(folder))
        .as("an empty one")
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));

    Files.setPosixFilePermissions(folder, open);
    DataDirectory.open(folder).close();
    assertThat(Files.getPosixFilePermissions(folder))
        .as("one that a stack ran on")
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));

    Path other = Files.createDirectory(folder.resolve("other"));
    Files.writeString(other.resolve("letter"), "dear");
    Files.setPosixFilePermissions(other, open);
    assertThatThrownBy(() -> DataDirectory.open(other))
        .isInstanceOf(StackException.class)
        .hasMessageContaining("Other users can read the data directory " + other)
        .hasMessageContaining("chmod 700");
    assertThat(Files.getPosixFilePermissions(other)).isEqualTo(open);
    assertThat(other.resolve("atelier.lock")).doesNotExist();
  }

  @Test
  void shouldSetALogAsideWhenItGrewPastTheCap() throws Exception {
    ChildLog log = new ChildLog(folder.resolve("child.log"));
    Files.write(log.file(), new byte[(int) ChildLog.CAP_BYTES]);
    log.rotate();
    assertThat(log.file()).as("not yet").hasSize(ChildLog.CAP_BYTES);
    Files.write(log.file(), new byte[1], StandardOpenOption.APPEND);

    log.rotate();

    assertThat(log.file()).isEmptyFile();
    assertThat(folder.resolve("child.log.1")).hasSize(ChildLog.CAP_BYTES + 1);
  }

  @Test
  void shouldSetALogAsideWhileAChildWritesIt() throws Exception {
    Path log = folder.resolve("writer.log");
    Child writer =
        new Child(
            ShellService.named(
                "writer",
                folder,
                "i=0; while true; do i=$((i+1)); head -c 1000000 /dev/zero | tr '\\0' x;"
                    + " echo; echo line-$i; sleep 0.2; done"),
            folder,
            folder,
            notice -> {});
    writer.start();
    try {
      Instant deadline = Instant.now().plusSeconds(60);
      while (!Files.exists(folder.resolve("writer.log.1")) && Instant.now().isBefore(deadline)) {
        Thread.sleep(100);
      }
      assertThat(folder.resolve("writer.log.1")).exists();
      long ended = lastLine(log);
      // the end of the log is within one of its long lines for a while
      Instant until = Instant.now().plusSeconds(60);
      while (lastLine(log) <= ended && Instant.now().isBefore(until)) {
        Thread.sleep(100);
      }
      assertThat(lastLine(log)).as("it goes on in the same file").isGreaterThan(ended);
      assertThat(Files.size(log)).isLessThan(ChildLog.CAP_BYTES + (40L << 20));
    } finally {
      writer.stop();
      writer.awaitStopped();
    }
  }

  private static long lastLine(Path log) throws IOException {
    return new ChildLog(log)
        .tail(20).stream()
            .filter(line -> line.startsWith("line-"))
            .mapToLong(line -> Long.parseLong(line.substring("line-".length())))
            .max()
            .orElse(0);
  }
}
