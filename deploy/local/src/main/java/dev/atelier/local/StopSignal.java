package dev.atelier.local;

/** How a process is asked to end. */
enum StopSignal {
  TERM,
  INT, // Postgres: fast shutdown, which ends open sessions
  KILL
}
