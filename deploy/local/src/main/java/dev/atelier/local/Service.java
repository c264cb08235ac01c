package dev.atelier.local;

import dev.atelier.cli.stack.StopSignal;
import java.io.IOException;
import java.time.Duration;

/** One server of the stack: how it is started, how one sees that it answers, how it ends. */
interface Service {

  /** Short and unique; names the log file. */
  String name();

  /** Prepares the ground and tells what to run; asked again before each restart. */
  Launch launch() throws IOException, InterruptedException, StackException;

  /** Returns when the server answers, throws while it does not. */
  void probe() throws Exception;

  default Duration startTimeout() {
    return Duration.ofSeconds(90); // a busy two-core machine takes a third of it
  }

  default StopSignal stopSignal() {
    return StopSignal.TERM;
  }

  default Duration stopGrace() {
    return Duration.ofSeconds(15); // then it is killed
  }
}
