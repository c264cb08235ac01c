package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.cli.stack.ProcessIdentity;
import dev.atelier.cli.stack.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SupervisorTest {

  private static final String SERVES = "touch \"$1\"; exec sleep 600";

  @TempDir private Path folder;
  private final List<String> notices = new CopyOnWriteArrayList<>();
  private DataDirectory directory;
  private Supervisor supervisor;

  @BeforeEach
  void open() throws Exception {
    directory = DataDirectory.open(folder.resolve("data"));
    supervisor = new Supervisor(directory, notices::add);
    supervisor.prepare();
  }

  @AfterEach
  void close() throws IOException {
    supervisor.close();
    directory.close();
  }

  @Test
  void shouldStartAChildAgainWhenItIsKilled() throws Exception {
    supervisor.start(List.of(ShellService.named("one", folder, SERVES)));
    ProcessIdentity first = running("one");

    first.signal(StopSignal.KILL);
    Waiting.until(() -> supervisor.pid("one").filter(pid -> pid != first.pid()).isPresent());

    assertThat(notices)
        .singleElement()
        .asString()
        .startsWith("one was ended by signal 9; starting it again in 1 s.");
  }

  @Test
  void shouldShowTheEndOfTheLogWhenAChildDoesNotStart() throws Exception {
    Service broken = ShellService.named("broken", folder, "echo no licence plate; exit 3");

    assertThatThrownBy(() -> supervisor.start(List.of(broken)))
        .isInstanceOf(StackException.class)
        .hasMessageContaining("broken ended 3 times while it started")
        .hasMessageContaining("| no licence plate");
  }

  @Test
  void shouldSayHowLongItWaitedWhenAChildDoesNotAnswer() {
    Service mute =
        new ShellService("mute", "exec sleep 600", folder.resolve("never"), Duration.ofMillis(300));

    assertThatThrownBy(() -> supervisor.start(List.of(mute)))
        .isInstanceOf(StackException.class)
        .hasMessageContaining("mute did not answer within 0 s");
  }

  @Test
  void shouldEndEveryProcessWhenClosed() throws Exception {
    supervisor.start(
        List.of(
            ShellService.named("polite", folder, SERVES),
            ShellService.named(
                "stubborn", folder, "trap '' TERM; touch \"$1\"; while :; do sleep 1; done")));
    ProcessIdentity polite = running("polite");
    ProcessIdentity stubborn = running("stubborn");

    supervisor.close();

    assertThat(List.of(polite, stubborn)).noneMatch(ProcessIdentity::alive);
    assertThat(directory.runs()).isEmptyDirectory();
  }

  @Test
  void shouldEndTheLaterStageFirstWhenClosed() throws Exception {
    Path order = folder.resolve("order");
    String noted =
        "trap 'echo %s >>" + order + "; exit 0' TERM; touch \"$1\"; while :; do sleep 0.1; done";
    supervisor.start(List.of(ShellService.named("server", folder, noted.formatted("server"))));
    supervisor.start(List.of(ShellService.named("client", folder, noted.formatted("client"))));

    supervisor.close();

    assertThat(order).hasContent("client\nserver");
  }

  @Test
  void shouldEndWhatACrashedRunLeftAndNothingElse() throws Exception {
    Process left = new ProcessBuilder("sleep", "600").start();
    Process stranger = new ProcessBuilder("sleep", "600").start();
    try {
      Path run = Files.createDirectory(directory.runs().resolve("crashed"));
      ProcessIdentity leftBehind = ProcessIdentity.of(left.pid()).orElseThrow();
      PidFiles.write(run.resolve("left.pid"), leftBehind, StopSignal.TERM);
      ProcessIdentity reusedNumber =
          new ProcessIdentity(
              stranger.pid(), ProcessIdentity.of(stranger.pid()).orElseThrow().startTicks() - 1);
      PidFiles.write(run.resolve("reused.pid"), reusedNumber, StopSignal.TERM);

      PidFiles.endStale(directory.runs(), notices::add);

      assertThat(leftBehind.alive()).isFalse();
      assertThat(stranger.isAlive()).isTrue();
      assertThat(run).doesNotExist();
    } finally {
      left.destroyForcibly();
      stranger.destroyForcibly();
    }
  }

  private ProcessIdentity running(String service) {
    Optional<ProcessIdentity> identity = supervisor.pid(service).flatMap(ProcessIdentity::of);
    assertThat(identity).isPresent();
    return identity.orElseThrow();
  }
}
