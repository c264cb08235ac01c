package dev.atelier.worker;

/**
 * A server that a worker cannot do without.
 *
 * @param name what people call it
 * @param address where it is, without secrets
 * @param probe asks it something
 */
record Dependency(String name, String address, Probe probe) {

  /** Asks the server something that only works if it can be worked with. */
  @FunctionalInterface
  interface Probe {

    /**
     * Returns when the server answers as it should.
     *
     * @throws Refused if it does not accept the credentials
     * @throws Away whatever else is wrong: it may be there later
     */
    void ask() throws Refused, Away;
  }

  /** The server does not accept the credentials: waiting does not help. */
  static final class Refused extends Exception {
    Refused(String sentence, Throwable cause) {
      super(sentence, cause);
    }
  }

  /** The server does not answer, or not yet as it should. */
  static final class Away extends Exception {
    Away(String reason, Throwable cause) {
      super(reason, cause);
    }
  }

  String shown() {
    return "%s at %s".formatted(name, address);
  }
}
