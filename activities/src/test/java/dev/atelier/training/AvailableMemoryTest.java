package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
  @TempDir Path root;

  @BeforeEach
  void machineOfAMillionKibibytes() throws IOException {
    write("proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 5 kB\nMemAvailable:  1000000 kB\n");
  }

  @Test
  void shouldTellWhatTheMachineHasWhenNoGroupLimitsIt() throws IOException {
    write("proc/self/cgroup", "4:memory:/a\n0::/a\n");
    write("cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    write("cgroup/a/memory.max", "max\n");
    assertThat(bytes()).isEqualTo(1_024_000_000);
  }

  @Test
  void shouldTellTheLeastOfAGroupAndItsParentsWhenTheyAreLimited() throws IOException {
    write("proc/self/cgroup", "0::/a/b\n");
    write("cgroup/a/b/memory.max", "900000\n");
    write("cgroup/a/b/memory.current", "100000\n");
    write("cgroup/a/memory.max", "500000\n");
    write("cgroup/a/memory.current", "300000\n");
    write("cgroup/a/memory.stat", "anon 7\ninactive_file 50000\n");
    assertThat(bytes()).isEqualTo(250_000);
  }

  @Test
  void shouldReadTheRootWhenAContainerSeesThePathOfItsHost() throws IOException {
    write("proc/self/cgroup", "9:cpu:/x\n4:hugetlb,memory:/docker/1234\n");
    write("cgroup/memory/memory.limit_in_bytes", "800000\n");
    write("cgroup/memory/memory.usage_in_bytes", "300000\n");
    write("cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100000\n");
    assertThat(bytes()).isEqualTo(600_000);
  }

  @Test
  void shouldTellWhatTheBoundOfTheProcessLeavesWhenThatIsLess() throws IOException {
    write(
        "proc/self/limits",
        """
        Limit                     Soft Limit           Hard Limit           Units
        Max data size             3000000              unlimited            bytes
        """);
    write("proc/self/status", "Name: java\nVmData:\t    2000 kB\nRssAnon:\t   500 kB\n");
    assertThat(bytes()).isEqualTo(3_000_000 - 2000 * 1024);
  }

  @Test
  void shouldTellWhatTheMachineHasWhenTheProcessHasNoBound() throws IOException {
    write(
        "proc/self/limits",
        "Max data size             unlimited            unlimited            bytes\n");
    write("proc/self/status", "VmData:\t    2000 kB\n");
    assertThat(bytes()).isEqualTo(1_024_000_000);
  }

  @Test
  void shouldTellNothingWhenTheSystemHasNoSuchFiles() {
    assertThat(AvailableMemory.bytes(root.resolve("none"), root.resolve("none"))).isEmpty();
  }

  private long bytes() {
    return AvailableMemory.bytes(root.resolve("proc"), root.resolve("cgroup")).orElseThrow();
  }

  private void write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }
}
