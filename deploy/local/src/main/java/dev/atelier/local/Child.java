package dev.atelier.local;

import dev.atelier.cli.stack.ProcessIdentity;
import dev.atelier.cli.stack.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** Keeps one service running as a process of its own: starts it again whenever it ends. */
final class Child {

  private static final Duration FIRST_DELAY = Duration.ofSeconds(1);
  private static final Duration LONGEST_DELAY = Duration.ofSeconds(30);
  private static final Duration PROBE_INTERVAL = Duration.ofMillis(150);
  private static final Duration LOG_CHECK = Duration.ofSeconds(5);
  private static final int STARTS_BEFORE_GIVING_UP = 3; // only while the stack starts
  private static final int TAIL_LINES = 20;

  private final Service service;
  private final ChildLog log;
  private final Path pidFile;
  private final Consumer<String> notices;
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final Thread keeper;

  private Optional<Process> process = Optional.empty(); // guarded by this
  private final AtomicInteger ends = new AtomicInteger();
  private volatile Optional<StackException> refusal = Optional.empty();

  /**
   * @param runDirectory where the reaper looks for processes to end
   */
  Child(Service service, Path logDirectory, Path runDirectory, Consumer<String> notices) {
    this.service = service;
    this.log = new ChildLog(logDirectory.resolve(service.name() + ".log"));
    this.pidFile = runDirectory.resolve(service.name() + ".pid");
    this.notices = notices;
    this.keeper = new Thread(this::keepRunning, "keeper-" + service.name());
    this.keeper.setDaemon(true);
  }

  void start() {
    keeper.start();
  }

  String name() {
    return service.name();
  }

  synchronized Optional<Long> pid() {
    return process.filter(Process::isAlive).map(Process::pid);
  }

  /**
   * Waits until the service answers.
   *
   * @throws StackException with the end of its log when it does not within its start timeout, or
   *     ends again and again
   */
  void awaitReady() throws StackException, InterruptedException {
    Instant deadline = Instant.now().plus(service.startTimeout());
    while (true) {
      try {
        service.probe();
        return;
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        if (refusal.isPresent()) {
          throw refusal.get();
        }
        if (ends.get() >= STARTS_BEFORE_GIVING_UP) {
          throw notReady("ended %d times while it started".formatted(ends.get()), e);
        }
        if (Instant.now().isAfter(deadline)) {
          throw notReady(
              "did not answer within %d s (%s)"
                  .formatted(service.startTimeout().toSeconds(), e.getMessage()),
              e);
        }
      }
      if (stopping.await(PROBE_INTERVAL.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new StackException("%s was stopped while it started.".formatted(name()));
      }
    }
  }

  private StackException notReady(String what, Exception cause) {
    List<String> lines = new ArrayList<>();
    lines.add("%s %s. Its log is %s.".formatted(name(), what, log.file()));
    log.tail(TAIL_LINES).forEach(line -> lines.add("  | " + line));
    return new StackException(String.join(System.lineSeparator(), lines), cause);
  }

  /** Asks the process to end; {@link #awaitStopped} waits for it. */
  void stop() {
    stopping.countDown();
    pid()
        .flatMap(ProcessIdentity::of)
        .ifPresent(identity -> signal(identity, service.stopSignal()));
  }

  /** Returns once the process has ended; kills it when its time to end in peace is over. */
  void awaitStopped() {
    try {
      keeper.join(service.stopGrace().toMillis());
      if (keeper.isAlive()) {
        pid().flatMap(ProcessIdentity::of).ifPresent(identity -> signal(identity, StopSignal.KILL));
        keeper.join(Duration.ofSeconds(10).toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void signal(ProcessIdentity identity, StopSignal signal) {
    try {
      identity.signal(signal);
    } catch (IOException e) {
      notices.accept("Cannot send %s to %s: %s".formatted(signal, name(), e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void keepRunning() {
    Duration delay = FIRST_DELAY;
    try {
      while (stopping.getCount() > 0) {
        Instant startedAt = Instant.now();
        String end = runOnce();
        ends.incrementAndGet();
        if (stopping.getCount() == 0) {
          return;
        }
        if (startedAt.plus(LONGEST_DELAY.multipliedBy(2)).isBefore(Instant.now())) {
          delay = FIRST_DELAY; // it had run well
        }
        notices.accept(
            "%s %s; starting it again in %d s. Log: %s"
                .formatted(name(), end, delay.toSeconds(), log.file()));
        if (stopping.await(delay.toMillis(), TimeUnit.MILLISECONDS)) {
          return;
        }
        delay =
            delay.multipliedBy(2).compareTo(LONGEST_DELAY) < 0
                ? delay.multipliedBy(2)
                : LONGEST_DELAY;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Runs the process to its end and says how it ended. */
  private String runOnce() throws InterruptedException {
    try {
      Launch launch = service.launch();
      log.rotate();
      Process started = spawn(launch);
      while (!started.waitFor(LOG_CHECK.toMillis(), TimeUnit.MILLISECONDS)) {
        rotateLog();
      }
      int exit = started.exitValue();
      Files.deleteIfExists(pidFile);
      return exit > 128
          ? "was ended by signal %d".formatted(exit - 128)
          : "ended with exit code %d".formatted(exit);
    } catch (StackException e) {
      refusal = Optional.of(e); // the ground is not fit; while the stack starts that is final
      return "could not start: %s".formatted(e.getMessage());
    } catch (IOException e) {
      return "could not start: %s".formatted(e.getMessage());
    }
  }

  private void rotateLog() {
    try {
      log.rotate();
    } catch (IOException e) {
      // A full disk, say: the child goes on, and the next check tries again.
    }
  }

  private Process spawn(Launch launch) throws IOException {
    // A session of its own: a terminal's Ctrl-C reaches the supervisor alone, which ends its
    // children in order.
    List<String> command = new ArrayList<>(List.of("setsid"));
    command.addAll(launch.command());
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.file().toFile()));
    builder.environment().putAll(launch.environment());
    synchronized (this) {
      Process started = builder.start();
      process = Optional.of(started);
      Optional<ProcessIdentity> identity = ProcessIdentity.of(started.pid());
      if (identity.isPresent()) {
        PidFiles.write(pidFile, identity.get(), service.stopSignal());
      }
      if (stopping.getCount() == 0) {
        started.destroy(); // stop() came before there was a process to signal
      }
      return started;
    }
  }
}
