package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InMemoryTemporalServerTest {

  private static final String LISTENS = "0A"; // state in /proc/net/tcp

  @TempDir private Path folder;

  @Test
  void shouldServeOnLoopbackAloneWhenThereIsNoTemporalProgram() throws Exception {
    int port = Ports.anyFree();
    try (DataDirectory directory = DataDirectory.open(folder);
        Supervisor supervisor = new Supervisor(directory, notice -> {})) {
      supervisor.prepare();

      supervisor.start(
          List.of(new TemporalService(Optional.empty(), directory, port, Ports.HOST, 0)));

      assertThat(listeningAddresses(port))
          .isNotEmpty()
          .allMatch(address -> address.endsWith("0100007F")); // 127.0.0.1, as it is or mapped
    }
  }

  @Test
  void shouldSayWhatTheLastResortCostsAlikeInTheStackAndInTheDocs() throws Exception {
    assertThat(StackUnderTest.ROOT.resolve("README.md"))
        .content()
        .contains(TemporalProgram.IN_MEMORY);
    assertThat(StackUnderTest.ROOT.resolve("docs/reliability.md"))
        .content()
        .contains(TemporalProgram.IN_MEMORY);
  }

  private static List<String> listeningAddresses(int port) throws Exception {
    String suffix = ":%04X".formatted(port);
    return List.of("/proc/net/tcp", "/proc/net/tcp6").stream()
        .map(Path::of)
        .filter(Files::exists)
        .flatMap(InMemoryTemporalServerTest::lines)
        .map(line -> List.of(line.trim().split("\\s+", -1)))
        .filter(fields -> fields.get(1).endsWith(suffix) && fields.get(3).equals(LISTENS))
        .map(fields -> fields.get(1).substring(0, fields.get(1).indexOf(':')))
        .toList();
  }

  private static Stream<String> lines(Path file) {
    try {
      return Files.readAllLines(file).stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
