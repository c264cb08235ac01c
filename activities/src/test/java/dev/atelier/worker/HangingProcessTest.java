package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.worker.HangingProcess.Work;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A user's file that never returns, in a process of its own. */
@Timeout(600)
class HangingProcessTest {

  private static final int SECONDS = 4;

  @TempDir Path directory;
  private Process process;

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  @ParameterizedTest
  @EnumSource
  void shouldEndWithItsCodeWhenANativeCallNeverReturns(Work work) throws Exception {
    start(work, 1);
    assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(75);
  }

  @Test
  void shouldNotEndBecauseItWasStopped() throws Exception {
    start(Work.CALL, SECONDS);
    signal("STOP");
    Thread.sleep(2000L * SECONDS);
    signal("CONT");
    assertThat(process.waitFor(SECONDS - 2, TimeUnit.SECONDS)).as("it has ended").isFalse();
    assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(75);
  }

  private void start(Work work, int seconds) throws IOException {
    process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                HangingProcess.class.getName(),
                work.name(),
                directory.toString(),
                Integer.toString(seconds))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out = process.inputReader();
    String line = out.readLine();
    while (line != null && !line.equals(HangingProcess.HANGS)) {
      line = out.readLine();
    }
    assertThat(line).isEqualTo(HangingProcess.HANGS);
  }

  private void signal(String name) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }
}
