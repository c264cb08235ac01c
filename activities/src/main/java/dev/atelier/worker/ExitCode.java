package dev.atelier.worker;

/** How a worker ends by itself; the numbers are those of {@code sysexits.h} where one fits. */
enum ExitCode {
  DONE(0), // nothing to compute for as long as atelier.worker.exit-when-idle
  SETTINGS(1),
  AWAY(69), // Postgres, the object store or Temporal did not answer in time
  FAILED(70), // a fault of the program
  NO_LIBTORCH(72),
  NOT_LIVE(75), // a native call does not return, or threads wait for each other
  REFUSED(77), // one of the three does not accept the worker's credentials
  TERMINATED(143); // SIGTERM, and a native call was still running after the drain

  private final int number;

  ExitCode(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }
}
