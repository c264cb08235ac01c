package dev.atelier.cli.stack;

/** How a process is asked to end. */
public enum StopSignal {
  TERM,
  INT, // Postgres: fast shutdown, which ends open sessions
  KILL
}
