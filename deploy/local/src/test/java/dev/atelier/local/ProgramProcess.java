package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The api or a worker as a process of its own, its log in a file. */
final class ProgramProcess implements AutoCloseable {

  private final Process process;
  private final Path log;

  private ProgramProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  static ProgramProcess start(Path log, Map<String, String> environment, List<String> arguments)
      throws IOException {
    List<String> command = JavaChild.jvm("512m");
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(new ArrayList<>(command))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().putAll(environment);
    return new ProgramProcess(builder.start(), log);
  }

  List<String> log() throws IOException {
    return Files.readAllLines(log);
  }

  long pid() {
    return process.pid();
  }

  boolean alive() {
    return process.isAlive();
  }

  /** Waits until it has ended by itself, for a minute at most. */
  int exitCode() throws IOException, InterruptedException {
    return exitCode(60);
  }

  int exitCode(int seconds) throws IOException, InterruptedException {
    if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
      throw new AssertionError("The process did not end by itself:\n" + String.join("\n", log()));
    }
    return process.exitValue();
  }

  /** SIGTERM; returns the exit code. */
  int end() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      throw new AssertionError("The process did not end.");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
