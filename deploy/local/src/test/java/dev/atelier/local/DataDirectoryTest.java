package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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
  void shouldSetALogAsideWhenItGrewPastTheCap() throws Exception {
    ChildLog log = new ChildLog(folder.resolve("child.log"));
    Files.write(log.file(), new byte[(int) ChildLog.CAP_BYTES + 1]);

    log.rotate();

    assertThat(log.file()).doesNotExist();
    assertThat(folder.resolve("child.log.1")).exists();
  }
}
